"""Quantities of a schedule, as lines over a run's time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from noisereel.contracts.geometry import Range
from noisereel.contracts.renderer import RunView
from noisereel.contracts.schedule import Schedule

__all__ = ["QUANTITIES", "schedule_line", "times_of"]

SAMPLES = 241
"""Points of a schedule's curve: about one for every second pixel."""
FEW = 24
"""With fewer units of time than this, a curve through integer times only would show its corners."""


class _Quantity(NamedTuple):
    """A quantity of a schedule.

    Attributes:
        label: Name shown at its line.
        color: Theme colour of its line.
        at: Function that returns its value at t.
    """

    label: str
    color: str
    at: Callable[[Schedule, float], float]


def _snr(schedule: Schedule, t: float) -> float:
    log_snr = schedule.at(t).log_snr
    return math.exp(log_snr) if log_snr < 700 else math.inf


QUANTITIES: Mapping[str, _Quantity] = MappingProxyType(
    {
        "signal": _Quantity(r"signal $\alpha_t$", "amber", lambda q, t: q.at(t).alpha),
        "noise": _Quantity(r"noise $\sigma_t$", "rose", lambda q, t: q.at(t).sigma),
        "beta": _Quantity(r"$\beta_t$", "blue", lambda q, t: q.at(t).beta_to(q.at(max(t - 1, 0.0)))),
        "alpha_bar": _Quantity(r"$\bar{\alpha}_t = \alpha_t^2$", "violet", lambda q, t: q.at(t).alpha ** 2),
        "snr": _Quantity("SNR", "violet", _snr),
        "log_snr": _Quantity("log SNR", "blue", lambda q, t: q.at(t).log_snr),
    }
)


def times_of(run: RunView) -> Range:
    """Return the range of a run's own axis, from its earliest to its latest time; never empty."""
    low, high = min(run.trajectory.times), max(run.trajectory.times)
    return (float(low), float(high)) if high > low else (low - 0.5, high + 0.5)


def schedule_line(run: RunView, name: str) -> NDArray[np.float64]:
    """Return (t, value) of a quantity of the run's schedule, shape (m, 2); NaN where it is not finite."""
    low, high = times_of(run)
    # Between integer times, a schedule defined by β's is merely interpolated, and σ has a kink at t = 1.
    integers_only = FEW <= high - low < SAMPLES and low.is_integer() and high.is_integer()
    times = np.linspace(low, high, int(high - low) + 1 if integers_only else SAMPLES)
    at = QUANTITIES[name].at
    values = np.array([at(run.trajectory.schedule, float(np.clip(t, 0, run.trajectory.schedule.T))) for t in times])
    return np.stack([times, np.where(np.isfinite(values), values, np.nan)], axis=1)
