"""Times concentrated near clean data."""

from __future__ import annotations

from noisereel.contracts.schedule import Schedule, Spacing

__all__ = ["Quadratic"]


class Quadratic(Spacing):
    """Times whose square root falls linearly from start to 0: start·(1 − k/steps)², not rounded.

    With start = 1000 and 4 steps: 1000, 562.5, 250, 62.5, 0.

    References:
        Song et al. (2021), arXiv:2010.02502, appendix D.2.
    """

    def times(self, schedule: Schedule, steps: int, start: float) -> tuple[float, ...]:
        """Return ``steps`` + 1 times from start to 0."""
        return tuple(start * ((steps - k) / steps) ** 2 for k in range(steps + 1))
