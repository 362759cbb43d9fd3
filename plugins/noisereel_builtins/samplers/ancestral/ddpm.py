"""DDPM: ancestral sampling, the forward chain reversed draw by draw."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field
from torch import Tensor

from noisereel.contracts.sampler import Sampler, Step, StepContext
from noisereel.contracts.schedule import Level, posterior, transition

from ..shared.gaussian import gaussian

__all__ = ["DDPM"]


class DDPM(Sampler):
    """Ancestral sampling: draws x_s from q(x_s | x_t, x_0) with x_0 replaced by the estimate x̂_0, s < t.

        x_s = (a·σ_s²·x_t + α_s·σ²_{t|s}·x̂_0)/σ_t² + √variance·z,   a = α_t/α_s,   σ²_{t|s} = σ_t² − a²·σ_s²

    q is the posterior of the forward chain. The step to s = 0 adds no noise: x_s = x̂_0. Steps may skip times; β is
    then the variance of the composed step, 1 − (α_t/α_s)² for a variance-preserving schedule. First order in t, in law,
    for each choice of ``variance``.

    References:
        Ho et al. (2020), arXiv:2006.11239, Eq. (6, 7) and algorithm 2; section 3.2 for the two variances;
        Nichol and Dhariwal (2021), arXiv:2102.09672, Eq. (15), whose v is learned.
    """

    variance: Literal["beta", "posterior"] | Annotated[float, Field(ge=0, le=1)] = "posterior"
    """Variance of a step's noise: the posterior's β̃ = σ²_{t|s}·σ_s²/σ_t² (exact if the data is a single point), the
    forward step's β = σ²_{t|s} (exact if the data is standard normal), or v in between: exp(v·ln β + (1−v)·ln β̃)."""

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Draw x_s given x_t for a cleaner s."""
        x0 = ctx.model(x, t)
        on_x, on_x0, beta_tilde = posterior(s, t)
        variance = self._interpolate(beta_tilde, transition(s, t).variance) if s.sigma > 0 else 0.0
        x_s, z = gaussian(x.mul(on_x).add_(x0, alpha=on_x0), math.sqrt(variance), ctx)
        return Step(x_s, x0, z)

    def _interpolate(self, beta_tilde: float, beta: float) -> float:
        """Return the step's variance, given the posterior's and the forward step's."""
        v = {"posterior": 0.0, "beta": 1.0}[self.variance] if isinstance(self.variance, str) else self.variance
        return float(beta**v * beta_tilde ** (1 - v))
