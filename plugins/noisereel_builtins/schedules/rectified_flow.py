"""Rectified flow: a straight line from data to noise."""

from __future__ import annotations

from noisereel.contracts.schedule import Level

from .stepped import Stepped

__all__ = ["RectifiedFlow"]


class RectifiedFlow(Stepped):
    """A straight line from data to noise: x_t = (1 − u)·x_0 + u·ε, u = t/T.

    At T no signal is left: α = 0 and σ = 1 exactly, so σ/α is infinite there.

    References:
        Liu et al. (2022), arXiv:2209.03003, section 2; Lipman et al. (2022), arXiv:2210.02747, Eq. (20), whose
        time runs from noise to data.
    """

    def at(self, t: float) -> Level:
        """Return α_t = 1 − t/T and σ_t = t/T."""
        u = self.inside(t) / self.T
        return Level(t, 1 - u, u)
