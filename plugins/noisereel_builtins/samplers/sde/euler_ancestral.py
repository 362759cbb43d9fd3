"""Euler's method below the next level, and noise back up to it."""

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
    """Splits the step to ς_s, ς = σ/α: deterministically down to ς_down, then noise ς_up on top.

        ς_up = η·ς_s·√(1 − ς_s²/ς_t²),   ς_down = √(ς_s² − ς_up²)
        x_s/α_s = x̂_0 + ς_down·ε̂ + ς_up·z

    The same law, and with the same noise the same numbers, as ``ddim`` with this η; η = 1 is ``ddpm``. First order in
    ς, in law where η > 0.

    References:
        Crowson (2022), k-diffusion, ``sample_euler_ancestral``; Song et al. (2021), arXiv:2010.02502, Eq. (16).
    """

    eta: float = Field(default=1.0, ge=0, le=1)
    """How much of the noise is drawn anew: 0 none (Euler's method), 1 as in DDPM."""

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Take x_t to a cleaner level s."""
        x0 = ctx.model(x, t)
        at_t, at_s = SIGMA.variable(t), SIGMA.variable(s)
        up = self.eta * at_s * math.sqrt(1 - (at_s / at_t) ** 2)
        down = Level(s.t, s.alpha, s.alpha * math.sqrt(at_s**2 - up**2))
        x_s, z = gaussian(straight(x, x0, t, down), s.alpha * up, ctx)
        return Step(x_s, x0, z)
