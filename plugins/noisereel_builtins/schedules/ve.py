"""The variance-exploding SDE: the signal stays, noise grows exponentially."""

from __future__ import annotations

import math

from .exploding import Exploding

__all__ = ["VE"]


class VE(Exploding):
    """The variance-exploding SDE dx = √(dς²/du) dw with ς(u) = σ_min·(σ_max/σ_min)^u, u = t/T, solved exactly.

        α = 1,   σ_t² = ς(u)² − ς(0)² = σ_min²·((σ_max/σ_min)^{2u} − 1)

    It starts from clean data, σ_0 = 0, so σ_t² is less than ς(u)² by ς(0)². The discrete chain, whose first step ends
    at σ_min, is ``log-linear``.

    References:
        Song et al. (2021), arXiv:2011.13456, Eq. (30, 31) and appendix C.
    """

    def sigma(self, t: float) -> float:
        """Return σ_t, with the difference of squares computed without cancellation."""
        return self.sigma_min * math.sqrt(math.expm1(2 * t / self.T * math.log(self.sigma_max / self.sigma_min)))
