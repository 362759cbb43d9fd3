"""Rectified flow: a straight line from data to noise."""

from __future__ import annotations

from noisereel.contracts.schedule import Level

from .stepped import Stepped

__all__ = ["RectifiedFlow"]


class RectifiedFlow(Stepped):
    """x_t = (1 − u)·x_0 + u·ε, u = t/T: the signal falls as evenly as the noise rises.

    At T nothing of the data is left, exactly (α = 0, σ = 1); the ratio σ/α is infinite there.

    References:
        Liu et al. (2022), arXiv:2209.03003, section 2; Lipman et al. (2022), arXiv:2210.02747, Eq. (20), whose
        time runs from noise to data.
    """

    def at(self, t: float) -> Level:
        """α_t = 1 − t/T, σ_t = t/T."""
        u = self._inside(t) / self.T
        return Level(t, 1 - u, u)
