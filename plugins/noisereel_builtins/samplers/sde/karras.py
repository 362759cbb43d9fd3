"""Karras et al.'s stochastic sampler: a little noise is added, then Heun's method takes more away."""

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
    """Raises ς = σ/α by a factor 1 + γ with fresh noise ("churn"), then takes Heun's step from there down to ς_s.

        ς̂ = ς_t·(1 + γ),   γ = min(churn/n, √2 − 1) if low ≤ ς_t ≤ high, else 0
        x̂/α̂ = x_t/α_t + √(ς̂² − ς_t²)·noise·z,   then Heun's method from x̂ at ς̂ to ς_s

    churn = 0 is ``heun``. Nothing is noisier than T: there is no churn beyond it. x̂_0 is estimated at x̂, not at x_t.
    Second order in σ/α for what is deterministic of it.

    References:
        Karras et al. (2022), arXiv:2206.00364, algorithm 2.
    """

    churn: float = Field(default=40.0, ge=0, allow_inf_nan=False)
    """S_churn, shared out over the n steps (``steps``, or T where left out)."""
    low: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """S_tmin: the least σ/α that is churned."""
    high: float = Field(default=math.inf, ge=0)
    """S_tmax: the largest σ/α that is churned."""
    noise: float = Field(default=1.0, ge=0, le=2)
    """S_noise: scale of the added noise; 1 is right, slightly more makes up for a denoiser that removes too much."""

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Take x_t up a little, then to a cleaner level s."""
        higher = self._churned(t, ctx)
        ratio = SIGMA.variable(t)
        if not SIGMA.variable(higher) > ratio:
            return heun_step(SIGMA, x, t, s, ctx)
        added = higher.alpha * math.sqrt(SIGMA.variable(higher) ** 2 - ratio**2) * self.noise
        churned, z = gaussian(x.mul(higher.alpha / t.alpha), added, ctx)
        down = heun_step(SIGMA, churned, higher, s, ctx)
        return Step(down.x, down.x0, z)

    def _churned(self, t: Level, ctx: StepContext) -> Level:
        """The level that noise is added up to; t itself where there is no churn."""
        ratio, n = SIGMA.variable(t), self.steps or max(1, round(ctx.schedule.T))
        gamma = min(self.churn / n, math.sqrt(2) - 1)
        if gamma == 0 or not (self.low <= ratio <= self.high and math.isfinite(ratio)):
            return t
        return level_at(SIGMA, ratio * (1 + gamma), ctx.schedule)
