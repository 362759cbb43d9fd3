"""Functions for spacings that choose noise levels first, and then find their times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from noisereel.contracts.schedule import Level, Schedule

__all__ = ["cleanest", "log_snr_of", "power_ramp", "times_at"]


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


def power_ramp(first: float, last: float, share: float, rho: float) -> float:
    """Return (first^{1/ρ} + share·(last^{1/ρ} − first^{1/ρ}))^ρ, in logarithms, so that no ρ overflows or cancels."""
    if last > first:
        return power_ramp(last, first, 1 - share, rho)
    if share in (0, 1):
        return last if share else first
    return first * math.exp(rho * math.log1p(share * math.expm1(math.log(last / first) / rho)))
