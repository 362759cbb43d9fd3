"""Times at the end of each interval: the noisiest level is always visited."""

from __future__ import annotations

from noisereel.contracts.schedule import Schedule, Spacing

from .whole import check_whole

__all__ = ["Trailing"]


class Trailing(Spacing):
    """The times start·(1 − k/steps) from start to 0, all but the first rounded to integers.

    With start = 1000 and 3 steps: 1000, 667, 333, 0.

    References:
        Lin et al. (2023), arXiv:2305.08891, Table 2; diffusers' ``timestep_spacing="trailing"``, whose index i
        is t = i + 1 here.
    """

    def times(self, schedule: Schedule, steps: int, start: float) -> tuple[float, ...]:
        """Return ``steps`` + 1 times.

        Raises:
            ValueError: There are fewer integer times up to start than steps.
        """
        check_whole("trailing", steps, start)
        return (start, *(float(round(start * (steps - k) / steps)) for k in range(1, steps + 1)))
