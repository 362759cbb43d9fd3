"""Evenly spaced times."""

from __future__ import annotations

from noisereel.contracts.schedule import Schedule, Spacing

__all__ = ["Linspace"]


class Linspace(Spacing):
    """Evenly spaced times from start to 0, both included: start·(1 − k/steps), not rounded.

    With start = 1000 and 4 steps: 1000, 750, 500, 250, 0. The "linspace" of diffusers is different: it spaces the
    integers T … 1 evenly and ends with a short step to 0. The two agree if steps = T.
    """

    def times(self, schedule: Schedule, steps: int, start: float) -> tuple[float, ...]:
        """Return ``steps`` + 1 times from start to 0."""
        return tuple(start * (steps - k) / steps for k in range(steps + 1))
