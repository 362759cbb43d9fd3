"""A few of the particles, for layers that would be unreadable with all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from noisereel.contracts.marks import Color, Shades
from noisereel.contracts.renderer import RunView
from noisereel.contracts.trajectory import Series

from .memo import once

__all__ = ["VISITS", "chosen", "paths", "shades_of", "spread"]

VISITS = 240
"""How many places a path has at most besides the present one: more could not be seen."""


def chosen(run: RunView, count: int) -> NDArray[np.intp]:
    """The rows of so many particles, evenly spread over all of them, ascending; all if there are fewer."""
    return spread(run.trajectory.particles, count)


def spread(total: int, count: int) -> NDArray[np.intp]:
    """So many whole numbers from 0 to total − 1, evenly spread and ascending; all if there are fewer."""
    return np.linspace(0, total - 1, min(count, total)).round().astype(np.intp)


def paths(
    run: RunView, of: Series, rows: NDArray[np.intp], present: int | None = None
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The visits that have a series, thinned to `VISITS` with the present one among them, and what it was there.

    Args:
        run: The run.
        of: Which series.
        rows: Whose.
        present: A visit that is to be among them and the last of them; the whole run if None.

    Returns:
        Visits, shape (m,), ascending, and places, shape (m, rows, *event).
    """
    steps, places = once(run, ("paths", of, rows.tobytes()), lambda: _thinned(run, of, rows))
    if present is None:
        return steps, places
    past = steps < present
    now = run.trajectory.series(of, present)
    if now is None:
        return steps[past], places[past]
    return np.append(steps[past], present), np.concatenate([places[past], now[rows][None]])


def _thinned(run: RunView, of: Series, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    kept = np.array(run.trajectory.kept_visits, np.intp)
    steps = kept[spread(len(kept), VISITS)]
    found = [
        (index, array[rows]) for index in steps.tolist() if (array := run.trajectory.series(of, index)) is not None
    ]
    places = (
        np.stack([array for _, array in found])
        if found
        else np.empty((0, len(rows), *run.trajectory.event_shape), np.float32)
    )
    return np.array([index for index, _ in found], np.intp), places


def shades_of(color: Color, rows: NDArray[np.intp]) -> Color:
    """The colours of some particles out of those of all."""
    return Shades(color.index[rows], color.palette) if isinstance(color, Shades) else color
