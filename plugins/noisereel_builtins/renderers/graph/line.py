"""Densities of one coordinate over time, as the river and ridge layers show them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from noisereel.contracts.geometry import Range
from noisereel.contracts.renderer import RunView
from noisereel.contracts.schedule import Level

from ..shared.chosen import spread
from ..shared.grid import BANDWIDTH, Source, exact_on, is_exact, smoothed

__all__ = ["densities", "no_coordinate", "spread_along"]

DENSITY_VISITS = 120
"""Maximum number of visits at which densities are computed; between them, they are interpolated."""


def no_coordinate(axis: int, event_shape: tuple[int, ...]) -> str | None:
    """Return the reason why particles of this event shape have no such coordinate, or None."""
    if len(event_shape) == 1 and axis < event_shape[0]:
        return None
    return f"shows coordinate {axis} of points, event shape (D,) with D > {axis}, not {event_shape}"


def densities(
    run: RunView, at: NDArray[np.float64], ends: Range, bins: int, axis: int = 0, source: Source = "auto"
) -> NDArray[np.float64]:
    """Return the densities of one coordinate at the given times, at the centres of bins, shape (times, bins).

    Args:
        run: The run.
        at: Times.
        ends: Range of values.
        bins: Number of bins.
        axis: Index of the coordinate.
        source: Origin of the densities; for particles of several coordinates, always the particles.

    Raises:
        UsageError: They must be exact but are not known.
    """
    if run.trajectory.event_shape == (1,) and is_exact(run, "x", source):
        centres = ends[0] + (np.arange(bins)[:, None] + 0.5) * (ends[1] - ends[0]) / bins
        return np.stack([exact_on(run, _level(run, t), centres) for t in at])
    visits = [run.trajectory.kept_visits[i] for i in spread(len(run.trajectory.kept_visits), DENSITY_VISITS)]
    tables = np.stack([spread_along(_values(run, index, axis), ends, bins) for index in visits])
    return _interpolated(at, np.array([run.trajectory.times[index] for index in visits]), tables)


def _level(run: RunView, t: float) -> Level:
    return run.trajectory.schedule.at(float(np.clip(t, 0, run.trajectory.schedule.T)))


def _values(run: RunView, index: int, axis: int) -> NDArray[np.float32]:
    array = run.trajectory.series("x", index)
    assert array is not None, "x exists at every kept visit"
    return array[:, axis]


def spread_along(values: NDArray[np.floating], ends: Range, bins: int) -> NDArray[np.float64]:
    """Return the density of values at the centres of bins, blurred to suit their number, shape (bins,).

    It integrates to the fraction inside the range. The frequency with which two values share a bin estimates ∫p², which
    is 1/(2√π·σ) for a Gaussian.
    """
    counts = np.histogram(values[np.isfinite(values)], bins, ends)[0]
    n, pairs, width = int(counts.sum()), int((counts * (counts - 1)).sum()), (ends[1] - ends[0]) / bins
    largest = (ends[1] - ends[0]) / 6
    radius = min(largest, n * n * width / (2 * np.sqrt(np.pi) * pairs)) if pairs else largest
    blur = BANDWIDTH * radius * max(1, n) ** (-1 / 5) / width
    return np.asarray(smoothed(counts[None], (0.0, blur))[0] / (max(1, len(values)) * width))


def _interpolated(
    at: NDArray[np.float64], times: NDArray[np.float64], tables: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Interpolate tables, known at some times, linearly to others, shape (at, …)."""
    order = np.argsort(times, kind="stable")
    position = np.interp(at, times[order], np.arange(len(times)))
    before = np.minimum(position.astype(int), max(0, len(times) - 2))
    after = np.minimum(before + 1, len(times) - 1)
    weight = (position - before)[:, None]
    return np.asarray((1 - weight) * tables[order[before]] + weight * tables[order[after]])
