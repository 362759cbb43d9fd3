"""Euler's method along the velocity of rectified flow."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from noisereel.contracts.sampler import Sampler, Step, StepContext
from noisereel.contracts.schedule import Level

from ..shared.charts import FLOW, advance, straight

__all__ = ["FlowEuler"]


class FlowEuler(Sampler):
    """Euler's method along the velocity v̂ = ε̂ − x̂_0 of rectified flow. First order in u = σ/(α+σ).

        x_s = x_t + (u_s − u_t)·v̂(x_t, t)   for x in units of α + σ

    On ``rectified-flow``, u is t/T and α + σ is 1. On any schedule, it gives the same numbers as ``ddim`` with η = 0,
    because both move along the same straight line.

    References:
        Liu et al. (2022), arXiv:2209.03003, algorithm 1; Lipman et al. (2022), arXiv:2210.02747.
    """

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Take x_t to a cleaner level s."""
        x0 = ctx.model(x, t)
        if s.sigma == 0:  # exactly x̂_0, without rounding error
            return Step(straight(x, x0, t, s), x0)
        return Step(advance(FLOW, x, FLOW.slope(x, x0, t), t, s), x0)
