"""Heun's method for the probability-flow ODE."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from noisereel.contracts.sampler import Sampler, Step, StepContext
from noisereel.contracts.schedule import Level

from ..shared.charts import SIGMA, Chart, advance, regular, straight

__all__ = ["Heun", "heun_step"]


def heun_step(chart: Chart, x: Tensor, t: Level, s: Level, ctx: StepContext) -> Step:
    """Take a trial step along the slope at t, then the step along the mean of the slopes at both ends.

    A step that begins or ends where the slope is undefined is an Euler step, straight to α_s·x̂_0 + σ_s·ε̂.
    """
    x0 = ctx.model(x, t)
    if not regular(chart, t, s):
        return Step(straight(x, x0, t, s), x0)
    slope = chart.slope(x, x0, t)
    trial = advance(chart, x, slope, t, s)
    slope = slope.add_(chart.slope(trial, ctx.model(trial, s), s)).mul_(0.5)
    return Step(advance(chart, x, slope, t, s), x0)


class Heun(Sampler):
    """Heun's method for the probability-flow ODE, for x/α as a function of σ/α. Second order in σ/α.

        x'  = x_t + (σ_s − σ_t)·ε̂(x_t, t)
        x_s = x_t + (σ_s − σ_t)·(ε̂(x_t, t) + ε̂(x', s))/2   for x and σ in units of α

    The step to clean data is an Euler step, so n steps call the denoiser 2n − 1 times; so is a step from α_t = 0, where
    σ/α is infinite (``flow-heun`` does not have this case).

    References:
        Karras et al. (2022), arXiv:2206.00364, algorithm 1.
    """

    chart: ClassVar[Chart] = SIGMA

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Take x_t to a cleaner level s."""
        return heun_step(self.chart, x, t, s, ctx)
