"""Euler's method for the probability-flow ODE."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from noisereel.contracts.parametrisation import to_eps
from noisereel.contracts.sampler import Sampler, Step, StepContext
from noisereel.contracts.schedule import Level

from ..shared.charts import SIGMA, advance, regular, straight

__all__ = ["Euler"]


class Euler(Sampler):
    """Euler's method for the probability-flow ODE, for x/α as a function of σ/α. First order in σ/α.

        x_s/α_s = x_t/α_t + (σ_s/α_s − σ_t/α_t)·ε̂(x_t, t)

    It gives the same numbers as ``ddim`` with η = 0. Where σ/α is infinite (α_t = 0), the equivalent
    x_s = α_s·x̂_0 + σ_s·ε̂ is used.

    References:
        Karras et al. (2022), arXiv:2206.00364, algorithm 1 without its second evaluation; Song et al. (2021),
        arXiv:2010.02502, Eq. (14).
    """

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Take x_t to a cleaner level s."""
        x0 = ctx.model(x, t)
        if not regular(SIGMA, t, s):
            return Step(straight(x, x0, t, s), x0)
        return Step(advance(SIGMA, x, to_eps(x, x0, t), t, s), x0)
