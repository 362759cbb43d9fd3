"""DDIM: the estimates of x_0 and of the noise, recombined at a cleaner level."""

from __future__ import annotations

import math
from typing import Any

from pydantic import Field
from torch import Tensor

from noisereel.contracts.sampler import Sampler, Step, StepContext
from noisereel.contracts.schedule import Level, posterior

from ..shared.gaussian import gaussian

__all__ = ["DDIM"]


class DDIM(Sampler):
    """DDIM: recombines the estimates x̂_0 and ε̂ = (x_t − α_t·x̂_0)/σ_t at the cleaner level s.

        x_s = α_s·x̂_0 + √(σ_s² − σ_η²)·ε̂ + σ_η·z,   σ_η² = η²·β̃

    η = 0 is deterministic: no noise is drawn, and it is Euler's method for x/α as a function of σ/α. η = 1 is exactly
    DDPM with the posterior's variance. First order in σ/α; in law if η > 0. For the same x̂_0, the marginals are the
    same for every η.

    References:
        Song et al. (2021), arXiv:2010.02502, Eq. (12, 16).
    """

    eta: float = Field(default=0.0, ge=0, le=1)
    """Amount of noise that is redrawn: 0 for none (deterministic), 1 as in DDPM."""

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Take x_t to a cleaner level s."""
        x0 = ctx.model(x, t)
        variance = self.eta**2 * posterior(s, t).variance if self.eta else 0.0
        on_eps = math.sqrt(max(s.sigma**2 - variance, 0.0))
        on_x = on_eps / t.sigma  # ε̂ substituted, so that a step takes two passes over the particles
        x_s, z = gaussian(x.mul(on_x).add_(x0, alpha=s.alpha - on_x * t.alpha), math.sqrt(variance), ctx)
        return Step(x_s, x0, z)
