"""Densities of single numbers over time: what the river and the ridges show."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from noisereel.contracts.geometry import Range
from noisereel.contracts.renderer import RunView
from noisereel.contracts.schedule import Level

from ..shared.chosen import spread
from ..shared.grid import BANDWIDTH, Source, exact_on, is_exact, smoothed

__all__ = ["densities", "no_coordinate", "spread_along"]

VISITS = 120
"""How many visits densities are counted at; between them they are mixed."""


def no_coordinate(axis: int, event_shape: tuple[int, ...]) -> str | None:
    """Why particles of this event shape have no such coordinate, or None."""
    if len(event_shape) == 1 and axis < event_shape[0]:
        return None
    return f"shows coordinate {axis} of points, event shape (D,) with D > {axis}, not {event_shape}"


def densities(
    run: RunView, at: NDArray[np.float64], ends: Range, bins: int, axis: int = 0, source: Source = "auto"
) -> NDArray[np.float64]:
    """The densities of one coordinate at given times, at the middles of cells, shape (times, bins).

    Args:
        run: The run.
        at: Times.
        ends: From where to where.
        bins: How many cells.
        axis: Which coordinate.
        source: Exact, from the particles, or whichever there is; of one of several coordinates, always the particles.

    Raises:
        UsageError: They are to be exact and are not known.
    """
    if run.trajectory.event_shape == (1,) and is_exact(run, "x", source):
        places = ends[0] + (np.arange(bins)[:, None] + 0.5) * (ends[1] - ends[0]) / bins
        return np.stack([exact_on(run, _level(run, t), places) for t in at])
    visited = [run.trajectory.kept_visits[i] for i in spread(len(run.trajectory.kept_visits), VISITS)]
    tables = np.stack([spread_along(_values(run, index, axis), ends, bins) for index in visited])
    return _between(at, np.array([run.trajectory.times[index] for index in visited]), tables)


def _level(run: RunView, t: float) -> Level:
    return run.trajectory.schedule.at(float(np.clip(t, 0, run.trajectory.schedule.T)))


def _values(run: RunView, index: int, axis: int) -> NDArray[np.float32]:
    array = run.trajectory.series("x", index)
    assert array is not None, "x is kept wherever anything is"
    return array[:, axis]


def spread_along(values: NDArray[np.floating], ends: Range, bins: int) -> NDArray[np.float64]:
    """The density of numbers at the middles of cells, blurred to suit how many they are, shape (bins,).

    Its integral is the share that lies inside. How often two share a cell estimates ∫p², 1/(2√π·σ) for a Gaussian.
    """
    counts = np.histogram(values[np.isfinite(values)], bins, ends)[0]
    n, pairs, width = int(counts.sum()), int((counts * (counts - 1)).sum()), (ends[1] - ends[0]) / bins
    largest = (ends[1] - ends[0]) / 6
    radius = min(largest, n * n * width / (2 * np.sqrt(np.pi) * pairs)) if pairs else largest
    blur = BANDWIDTH * radius * max(1, n) ** (-1 / 5) / width
    return np.asarray(smoothed(counts[None], (0.0, blur))[0] / (max(1, len(values)) * width))


def _between(at: NDArray[np.float64], known: NDArray[np.float64], tables: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tables at times between those at which they are known, mixed linearly, shape (at, …)."""
    order = np.argsort(known, kind="stable")
    place = np.interp(at, known[order], np.arange(len(known)))
    before = np.minimum(place.astype(int), max(0, len(known) - 2))
    after = np.minimum(before + 1, len(known) - 1)
    share = (place - before)[:, None]
    return np.asarray((1 - share) * tables[order[before]] + share * tables[order[after]])
