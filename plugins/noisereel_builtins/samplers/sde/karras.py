"""The stochastic sampler of Karras et al.: adds a little noise, then removes more with Heun's method."""

from __future__ import annotations

import math
from typing import Any

from pydantic import Field
from torch import Tensor

from noisereel.contracts.sampler import Sampler, Step, StepContext
from noisereel.contracts.schedule import Level

from ..ode.heun import heun_step
from ..shared.charts import SIGMA, level_at
from ..shared.gaussian import gaussian

__all__ = ["Karras"]


class Karras(Sampler):
    """Heun's method with churn: fresh noise raises ς = σ/α by a factor 1 + γ before each step down to ς_s.

        ς̂ = ς_t·(1 + γ),   γ = min(churn/n, √2 − 1) if low ≤ ς_t ≤ high, else 0
        x̂/α̂ = x_t/α_t + √(ς̂² − ς_t²)·noise·z,   then Heun's method from x̂ at ς̂ to ς_s

    churn = 0 is ``heun``. Churn never raises the noise above its level at T. x̂_0 is estimated at x̂, not at x_t. The
    deterministic part is second order in σ/α.

    References:
        Karras et al. (2022), arXiv:2206.00364, algorithm 2.
    """

    churn: float = Field(default=40.0, ge=0, allow_inf_nan=False)
    """S_churn, divided over the n steps (``steps``, or T if None)."""
    low: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """S_tmin: the lowest σ/α at which noise is added."""
    high: float = Field(default=math.inf, ge=0)
    """S_tmax: the highest σ/α at which noise is added."""
    noise: float = Field(default=1.0, ge=0, le=2)
    """S_noise: scale of the added noise; 1 is exact, slightly more compensates for a denoiser that removes too much."""

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Raise the noise of x_t a little, then take it to a cleaner level s."""
        higher = self._churn_level(t, ctx)
        ratio = SIGMA.variable(t)
        if not SIGMA.variable(higher) > ratio:
            return heun_step(SIGMA, x, t, s, ctx)
        added = higher.alpha * math.sqrt(SIGMA.variable(higher) ** 2 - ratio**2) * self.noise
        churned, z = gaussian(x.mul(higher.alpha / t.alpha), added, ctx)
        down = heun_step(SIGMA, churned, higher, s, ctx)
        return Step(down.x, down.x0, z)

    def _churn_level(self, t: Level, ctx: StepContext) -> Level:
        """Return the level that noise is added up to; t itself without churn."""
        ratio, n = SIGMA.variable(t), self.steps or max(1, round(ctx.schedule.T))
        gamma = min(self.churn / n, math.sqrt(2) - 1)
        if gamma == 0 or not (self.low <= ratio <= self.high and math.isfinite(ratio)):
            return t
        return level_at(SIGMA, ratio * (1 + gamma), ctx.schedule)
