"""The classical Runge–Kutta method for the probability-flow ODE."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from noisereel.contracts.sampler import Sampler, Step, StepContext
from noisereel.contracts.schedule import Level

from ..shared.charts import FLOW, advance, level_at, straight

__all__ = ["RK4"]


class RK4(Sampler):
    """The classical Runge–Kutta method along the velocity v̂ = ε̂ − x̂_0. Fourth order in u = σ/(α+σ), for x/(α+σ).

        k_1 = v̂(x_t, u_t)              k_2 = v̂(x_t + h/2·k_1, u_t + h/2)
        k_3 = v̂(x_t + h/2·k_2, u_t + h/2)   k_4 = v̂(x_t + h·k_3, u_s)
        x_s = x_t + h·(k_1 + 2k_2 + 2k_3 + k_4)/6,   h = u_s − u_t

    u is finite for every schedule; on ``rectified-flow`` it is t/T. The midpoint is the midpoint in u: the denoiser is
    called at the time at which the schedule has that noise level. The step to clean data is an Euler step.

    References:
        Kutta (1901), "Beitrag zur näherungsweisen Integration totaler Differentialgleichungen".
    """

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Take x_t to a cleaner level s."""
        x0 = ctx.model(x, t)
        if s.sigma == 0:
            return Step(straight(x, x0, t, s), x0)
        half = level_at(FLOW, (FLOW.variable(t) + FLOW.variable(s)) / 2, ctx.schedule)

        def velocity(slope: Tensor, level: Level) -> Tensor:
            point = advance(FLOW, x, slope, t, level)
            return FLOW.slope(point, ctx.model(point, level), level)

        k1 = FLOW.slope(x, x0, t)
        k2 = velocity(k1, half)
        k3 = velocity(k2, half)
        k4 = velocity(k3, s)
        return Step(advance(FLOW, x, (k1 + 2 * k2 + 2 * k3 + k4) / 6, t, s), x0)
