"""Times that crowd near the clean end."""

from __future__ import annotations

from noisereel.contracts.schedule import Schedule, Spacing

__all__ = ["Quadratic"]


class Quadratic(Spacing):
    """start·(1 − k/steps)²: the square root of t falls evenly.

    With start = 1000 and 4 steps: 1000, 562.5, 250, 62.5, 0. Times are real, not rounded.

    References:
        Song et al. (2021), arXiv:2010.02502, appendix D.2.
    """

    def times(self, schedule: Schedule, steps: int, start: float) -> tuple[float, ...]:
        """``steps`` + 1 times from start to 0."""
        return tuple(start * ((steps - k) / steps) ** 2 for k in range(steps + 1))
