"""The variance-exploding SDE: the signal stays, noise grows exponentially."""

from __future__ import annotations

import math

from .exploding import Exploding

__all__ = ["VE"]


class VE(Exploding):
    """dx = √(dς²/du) dw with ς(u) = σ_min·(σ_max/σ_min)^u, u = t/T, solved exactly from clean data.

        α = 1,   σ_t² = ς(u)² − ς(0)² = σ_min²·((σ_max/σ_min)^{2u} − 1)

    The noise that the SDE has added by time t is less than ς(u) by what ς(0) would have put there; so σ_0 = 0. The
    discrete chain, whose first step ends at σ_min, is ``log-linear``.

    References:
        Song et al. (2021), arXiv:2011.13456, Eq. (30, 31) and appendix C.
    """

    def sigma(self, t: float) -> float:
        """σ_t, its difference of squares taken without cancellation."""
        return self.sigma_min * math.sqrt(math.expm1(2 * t / self.T * math.log(self.sigma_max / self.sigma_min)))
