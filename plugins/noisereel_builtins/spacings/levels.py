"""What spacings share that choose noise levels first and look for their times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from noisereel.contracts.schedule import Level, Schedule

__all__ = ["cleanest", "log_snr_of", "times_at"]


def cleanest(schedule: Schedule, start: float) -> Level:
    """The last level before clean data: t = 1, where a paper's σ_min sits, or start/1000 where start is 1 or less."""
    return schedule.at(1.0 if start > 1 else start / 1000)


def times_at(schedule: Schedule, log_snrs: Sequence[float], start: float) -> tuple[float, ...]:
    """start, then the times at which the schedule has the given log-SNRs, then 0.

    Args:
        schedule: Where the levels are looked up.
        log_snrs: ln(α²/σ²), rising, one for each time between start and 0.
        start: The noisiest time.

    Raises:
        ValueError: The schedule does not tell the levels apart.
    """
    times = (start, *map(schedule.time_of, log_snrs), 0.0)
    if not all(late > early for late, early in pairwise(times)):
        raise ValueError(f"the schedule has too few noise levels below t = {start:g} for {len(times) - 1} steps")
    return times


def log_snr_of(ratio: float) -> float:
    """ln(α²/σ²) of σ/α."""
    return -2 * math.log(ratio)
