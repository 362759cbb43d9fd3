"""Ancestral Euler: a step below the next level, then noise back up to it."""

from __future__ import annotations

import math
from typing import Any

from pydantic import Field
from torch import Tensor

from noisereel.contracts.sampler import Sampler, Step, StepContext
from noisereel.contracts.schedule import Level

from ..shared.charts import SIGMA, straight
from ..shared.gaussian import gaussian

__all__ = ["EulerAncestral"]


class EulerAncestral(Sampler):
    """Euler's method with ancestral noise: deterministically down to ς_down, then noise ς_up on top; ς = σ/α.

        ς_up = η·ς_s·√(1 − ς_s²/ς_t²),   ς_down = √(ς_s² − ς_up²)
        x_s/α_s = x̂_0 + ς_down·ε̂ + ς_up·z

    It has the same law as ``ddim`` with this η and, for the same noise, gives the same numbers; η = 1 is ``ddpm``.
    First order in ς; in law if η > 0.

    References:
        Crowson (2022), k-diffusion, ``sample_euler_ancestral``; Song et al. (2021), arXiv:2010.02502, Eq. (16).
    """

    eta: float = Field(default=1.0, ge=0, le=1)
    """Amount of noise that is redrawn: 0 for none (Euler's method), 1 as in DDPM."""

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Take x_t to a cleaner level s."""
        x0 = ctx.model(x, t)
        ratio_t, ratio_s = SIGMA.variable(t), SIGMA.variable(s)
        up = self.eta * ratio_s * math.sqrt(max(1 - (ratio_s / ratio_t) ** 2, 0.0))
        down = Level(s.t, s.alpha, s.alpha * math.sqrt(max(ratio_s**2 - up**2, 0.0)))
        x_s, z = gaussian(straight(x, x0, t, down), s.alpha * up, ctx)
        return Step(x_s, x0, z)
