"""Chosen particles: an evenly spread selection, for layers that would be unreadable with all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from noisereel.contracts.marks import Color, Shades
from noisereel.contracts.renderer import RunView
from noisereel.contracts.trajectory import Series

from .memo import once

__all__ = ["PATH_VISITS", "chosen", "paths", "shades_of", "spread"]

PATH_VISITS = 240
"""Maximum number of visits on a path, besides the present one: more would not be visible."""


def chosen(run: RunView, count: int) -> NDArray[np.intp]:
    """Return the rows of ``count`` particles, evenly spread over all of them, ascending; all if there are fewer."""
    return spread(run.trajectory.particles, count)


def spread(total: int, count: int) -> NDArray[np.intp]:
    """Return ``count`` integers from 0 to total − 1, evenly spread, ascending; all of them if there are fewer."""
    return np.linspace(0, total - 1, min(count, total)).round().astype(np.intp)


def paths(
    run: RunView, of: Series, rows: NDArray[np.intp], present: int | None = None
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the paths of some particles: the visits at which a series exists, and its values there.

    Args:
        run: The run.
        of: The series.
        rows: Rows of the particles.
        present: The visit to end at, included even if thinned out; the end of the run if None.

    Returns:
        Visits, shape (m,), ascending, thinned to `PATH_VISITS`; and positions, shape (m, rows, *event).
    """
    visits, positions = once(run, ("paths", of, rows.tobytes()), lambda: _thinned(run, of, rows))
    if present is None:
        return visits, positions
    past = visits < present
    now = run.trajectory.series(of, present)
    if now is None:
        return visits[past], positions[past]
    return np.append(visits[past], present), np.concatenate([positions[past], now[rows][None]])


def _thinned(run: RunView, of: Series, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    kept = np.array(run.trajectory.kept_visits, np.intp)
    visits = kept[spread(len(kept), PATH_VISITS)]
    recorded = [
        (index, array[rows]) for index in visits.tolist() if (array := run.trajectory.series(of, index)) is not None
    ]
    positions = (
        np.stack([array for _, array in recorded])
        if recorded
        else np.empty((0, len(rows), *run.trajectory.event_shape), np.float32)
    )
    return np.array([index for index, _ in recorded], np.intp), positions


def shades_of(color: Color, rows: NDArray[np.intp]) -> Color:
    """Return the colours of some particles, selected by row."""
    return Shades(color.index[rows], color.palette) if isinstance(color, Shades) else color
