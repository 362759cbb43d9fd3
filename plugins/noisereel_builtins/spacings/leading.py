"""Times that begin each stretch: the noisiest level is left out."""

from __future__ import annotations

from noisereel.contracts.schedule import Schedule, Spacing

from .whole import check_whole

__all__ = ["Leading"]


class Leading(Spacing):
    """1 + k·⌊start/steps⌋ for k = steps−1 … 0, then 0.

    With start = 1000 and 4 steps: 751, 501, 251, 1, 0. The first time lies *below* start, so a process that
    starts here from pure noise starts from too much of it; that is the known flaw of this spacing, shown as it is.
    For the same reason it cannot go on from a state that is already at start.

    References:
        Lin et al. (2023), arXiv:2305.08891, Table 2; diffusers' ``timestep_spacing="leading"``, whose index i
        is t = i + 1 here.
    """

    def times(self, schedule: Schedule, steps: int, start: float) -> tuple[float, ...]:
        """``steps`` + 1 times.

        Raises:
            ValueError: There are fewer whole times up to start than steps.
        """
        check_whole("leading", steps, start)
        stride = int(start // steps)
        return (*(1.0 + k * stride for k in reversed(range(steps))), 0.0)
