"""The reverse SDE, by the Euler–Maruyama method."""

from __future__ import annotations

import math
from typing import Any

from pydantic import Field
from torch import Tensor

from noisereel.contracts.parametrisation import to_score
from noisereel.contracts.sampler import Sampler, Step, StepContext
from noisereel.contracts.schedule import Level, transition

from ..shared.gaussian import gaussian

__all__ = ["ReverseSDE", "reverse_diffusion"]


def reverse_diffusion(x: Tensor, t: Level, s: Level, ctx: StepContext, temperature: float = 1.0) -> Step:
    """Take one step of the reverse SDE to a cleaner level s.

    From α_t = 0, where the drift is infinite, x_s is drawn around α_s·x̂_0, its exact mean there. The step to s = 0 adds
    no noise: x_s = x̂_0.
    """
    x0 = ctx.model(x, t)
    if s.sigma == 0:
        return Step(x0.clone(), x0)
    a, variance = transition(s, t)
    mean = x0.mul(s.alpha) if a == 0 else x.mul(2 - a).add_(to_score(x, x0, t), alpha=variance)
    x_s, z = gaussian(mean, math.sqrt(temperature * (variance if a else s.sigma**2)), ctx)
    return Step(x_s, x0, z)


class ReverseSDE(Sampler):
    """The Euler–Maruyama method for the reverse SDE dx = (f·x − g²·∇ln p) dt + g dw. First order in t, in law.

        x_s = x_t + (1 − a)·x_t + σ²_{t|s}·∇ln p_t(x_t) + √(τ·σ²_{t|s})·z,   ∇ln p_t(x_t) = (α_t·x̂_0 − x_t)/σ_t²

    f dt and g² dt over the step are taken from the forward kernel: a − 1 and σ²_{t|s}, a = α_t/α_s. The last step gives
    x̂_0. A temperature τ other than 1 scales the variance of the noise and is wrong by design: below 1, samples gather
    where the density is high and lose detail; above 1, they scatter. Unsuitable for few steps on schedules that end at
    α_T = 0, where the drift grows without bound.

    References:
        Song et al. (2021), arXiv:2011.13456, Eq. (6, 46), appendix E: "reverse diffusion sampling".
    """

    temperature: float = Field(default=1.0, ge=0, le=10)
    """τ: variance of the noise relative to the exact one."""

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Draw x_s given x_t for a cleaner s."""
        return reverse_diffusion(x, t, s, ctx, self.temperature)
