"""Functions for spacings that choose noise levels first, and then find their times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from noisereel.contracts.schedule import Level, Schedule

__all__ = ["cleanest", "log_snr_of", "times_at"]


def cleanest(schedule: Schedule, start: float) -> Level:
    """Return the last level before clean data: at t = 1, where the papers have σ_min, or at start/1000 if start ≤ 1."""
    return schedule.at(1.0 if start > 1 else start / 1000)


def times_at(schedule: Schedule, log_snrs: Sequence[float], start: float) -> tuple[float, ...]:
    """Return start, then the times at which the schedule has the given log-SNRs, then 0.

    Args:
        schedule: The schedule in which the levels are looked up.
        log_snrs: ln(α²/σ²), rising, one for each time between start and 0.
        start: The noisiest time.

    Raises:
        ValueError: The schedule has too few distinct levels.
    """
    times = (start, *map(schedule.time_of, log_snrs), 0.0)
    if not all(late > early for late, early in pairwise(times)):
        raise ValueError(f"the schedule has too few noise levels below t = {start:g} for {len(times) - 1} steps")
    return times


def log_snr_of(ratio: float) -> float:
    """Return ln(α²/σ²) for a ratio σ/α."""
    return -2 * math.log(ratio)
