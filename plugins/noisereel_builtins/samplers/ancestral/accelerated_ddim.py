"""DDIM with its noise estimate extrapolated."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from torch import Tensor

from noisereel.contracts.parametrisation import to_eps
from noisereel.contracts.sampler import Sampler, Step, StepContext
from noisereel.contracts.schedule import Level

from ..shared.charts import SIGMA, advance, straight

__all__ = ["AcceleratedDDIM"]


class AcceleratedDDIM(Sampler):
    """DDIM along an extrapolated noise estimate: the current one plus a multiple of its last change.

        ε̄ = γ·ε̂(x_t) + (1 − γ)·ε̂(previous step),   x_s/α_s = x_t/α_t + (σ_s/α_s − σ_t/α_t)·ε̄

    γ = 1 is DDIM. γ = 3/2 with equal steps of σ/α is the Adams–Bashforth method of second order in σ/α; any other γ
    is first order, and the proposed γ = 2 is not meant to solve the ODE: it cancels errors of a learned denoiser. With
    an exact denoiser it overshoots, by design.

    References:
        Permenter and Yuan (2023), arXiv:2306.04848, section 5, algorithm 2.
    """

    gamma: float = Field(default=2.0, ge=1, le=3)
    """γ, the factor of the extrapolation; 1 does not extrapolate."""

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Take x_t to a cleaner level s."""
        x0 = ctx.model(x, t)
        if t.alpha == 0:
            return Step(straight(x, x0, t, s), x0)
        eps = to_eps(x, x0, t)
        extrapolated = eps if carry is None else eps.mul(self.gamma).add_(carry, alpha=1 - self.gamma)
        return Step(advance(SIGMA, x, extrapolated, t, s), x0, carry=eps)
