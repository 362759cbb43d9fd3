"""Times at the start of each interval: the noisiest level is not visited."""

from __future__ import annotations

from noisereel.contracts.schedule import Schedule, Spacing

from .whole import check_whole

__all__ = ["Leading"]


class Leading(Spacing):
    """The times 1 + k·⌊start/steps⌋ for k = steps−1 … 0, then 0.

    With start = 1000 and 4 steps: 751, 501, 251, 1, 0. The first time is *below* start, so a process that starts there
    from pure noise starts with too much of it. This is a known flaw of the spacing, reproduced on purpose. For the same
    reason, it cannot continue from a state at start.

    References:
        Lin et al. (2023), arXiv:2305.08891, Table 2; diffusers' ``timestep_spacing="leading"``, whose index i
        is t = i + 1 here.
    """

    def times(self, schedule: Schedule, steps: int, start: float) -> tuple[float, ...]:
        """Return ``steps`` + 1 times.

        Raises:
            ValueError: There are fewer integer times up to start than steps.
        """
        check_whole("leading", steps, start)
        stride = int(start // steps)
        return (*(1.0 + k * stride for k in reversed(range(steps))), 0.0)
