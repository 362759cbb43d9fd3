"""Densities on a grid: exact where the data set knows them, else from the particles' counts."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from noisereel.contracts.geometry import Range, View
from noisereel.contracts.renderer import RunView
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.schedule import Level
from noisereel.contracts.trajectory import Series
from noisereel.support.errors import UsageError

from .cloud import latest

__all__ = [
    "Grid",
    "Source",
    "counts",
    "density_on",
    "exact_on",
    "grid_over",
    "is_exact",
    "radius",
    "smoothed",
    "spread_over",
    "unknown_density",
]

CHUNK = 65_536
"""Particles counted at a time: they stay in the processor's cache, and memory does not grow with their number."""

BANDWIDTH = 0.8
"""Share of Scott's bandwidth std·n^(−1/6), for it blurs anything finer than one Gaussian."""

Source = Literal["auto", "exact", "particles"]
"""Where a density comes from; auto is exact where the particles follow the data set's law and that is known."""


class Grid(NamedTuple):
    """Cells over a rectangle.

    Attributes:
        x: From where to where across.
        y: From where to where upwards.
        shape: Rows, from below, and columns.
    """

    x: Range
    y: Range
    shape: tuple[int, int]

    @property
    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where the middles of the columns and of the rows lie, shapes (columns,) and (rows,)."""
        rows, columns = self.shape
        return _centres(self.x, columns), _centres(self.y, rows)

    @property
    def cell(self) -> tuple[float, float]:
        """Width and height of a cell."""
        rows, columns = self.shape
        return (self.x[1] - self.x[0]) / columns, (self.y[1] - self.y[0]) / rows

    @property
    def points(self) -> NDArray[np.float64]:
        """The middles of the cells, row by row from below, shape (rows · columns, 2)."""
        across, up = np.meshgrid(*self.centres)
        return np.stack([across.ravel(), up.ravel()], axis=1)


def _centres(ends: Range, n: int) -> NDArray[np.float64]:
    return ends[0] + (np.arange(n) + 0.5) * (ends[1] - ends[0]) / n


def grid_over(view: View, columns: int) -> Grid:
    """A grid of square cells, so many across a panel."""
    width = (view.x[1] - view.x[0]) / columns
    return Grid(view.x, view.y, (max(2, round((view.y[1] - view.y[0]) / width)), columns))


def counts(xy: NDArray[np.floating], grid: Grid) -> NDArray[np.int64]:
    """How many points lie in each cell, shape ``grid.shape``; counts of parts of a cloud add up to those of the whole.

    Args:
        xy: Points, shape (n, 2); those outside, and those that are not finite, are left out.
        grid: The cells.
    """
    rows, columns = grid.shape
    total = np.zeros((rows + 2) * (columns + 2), np.int64)  # a border of one cell takes what lies outside
    for begin in range(0, len(xy), CHUNK):
        part = xy[begin : begin + CHUNK]
        cell = _places(part[:, 1], grid.y, rows).astype(np.intp)
        cell *= columns + 2
        cell += _places(part[:, 0], grid.x, columns).astype(np.intp)
        total += np.bincount(cell, minlength=len(total))
    return total.reshape(rows + 2, columns + 2)[1:-1, 1:-1]


def _places(values: NDArray[np.floating], ends: Range, n: int) -> NDArray[np.floating]:
    """Positions in cells, from 1 to n + 1; what lies outside or is not a number, below 1 or at n + 1."""
    places = values - values.dtype.type(ends[0])
    places *= values.dtype.type(n / (ends[1] - ends[0]))
    np.fmax(places, -1, out=places)
    np.fmin(places, n, out=places)
    places += 1
    return places


def smoothed(table: NDArray[np.generic], widths: tuple[float, float]) -> NDArray[np.float64]:
    """A table blurred by a Gaussian; what would leave it at an edge stays inside, so that the sum is kept.

    Args:
        table: Shape (rows, columns).
        widths: The Gaussian's standard deviations in rows and in columns.
    """
    down, across = (_blur(n, width) for n, width in zip(table.shape, widths, strict=True))
    return np.asarray(down @ table.astype(np.float64) @ across.T)


def _blur(n: int, width: float) -> NDArray[np.float64]:
    """The matrix that blurs n numbers; its columns sum to 1."""
    if width <= 0:
        return np.eye(n)
    apart = np.subtract.outer(np.arange(n), np.arange(n)) / width
    kernel = np.exp(-(apart**2) / 2)
    return np.asarray(kernel / kernel.sum(axis=0))


def spread_over(xy: NDArray[np.floating], grid: Grid, bandwidth: float | None) -> NDArray[np.float64]:
    """The density of points at the cells' middles, shape ``grid.shape``; its integral is the share that lies inside.

    Args:
        xy: Points, shape (n, 2).
        grid: The cells.
        bandwidth: Standard deviation of the Gaussian that each point is blurred to; if None, what suits their number.
    """
    width, height = grid.cell
    table = counts(xy, grid)
    if bandwidth is None:
        bandwidth = BANDWIDTH * radius(table, grid) * max(1, len(xy)) ** (-1 / 6)
    return smoothed(table, (bandwidth / height, bandwidth / width)) / (max(1, len(xy)) * width * height)


def radius(table: NDArray[np.int64], grid: Grid) -> float:
    """How far points reach: the standard deviation of the round Gaussian that is as crowded as they are.

    How often two points share a cell estimates ∫p², which is 1/(4πσ²) for a Gaussian. Unlike the standard deviation, it
    knows a thin spiral from a disc. At most, where too few points share a cell, what the grid allows.
    """
    width, height = grid.cell
    n, pairs = int(table.sum()), int((table * (table - 1)).sum())
    largest = min(width * grid.shape[1], height * grid.shape[0]) / 6
    return min(largest, float(np.sqrt(n * n * width * height / (4 * np.pi * pairs)))) if pairs else largest


def exact_on(run: RunView, level: Level, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """p_t at points of shape (m, D), shape (m,).

    Raises:
        UsageError: The data set does not know it.
    """
    if run.trajectory.data.density is None:
        raise UsageError(f"source: the density of run '{run.trajectory.name}' is not known exactly; take its particles")
    return np.asarray(run.trajectory.data.density(torch.from_numpy(points), level), np.float64)


def unknown_density(source: Source, run: RunInfo) -> str | None:
    """Why a density cannot be exact, or None."""
    if source != "exact" or run.data.density is not None:
        return None
    return f"source: the density of run '{run.name}' is not known exactly; take its particles"


def is_exact(run: RunView, of: Series, source: Source) -> bool:
    """Whether a series' density is the data set's own: that of x where the run only ever adds noise to data."""
    known = run.trajectory.data.density is not None and of == "x"
    return source == "exact" or (source == "auto" and known and "x0" not in run.trajectory.arrays.series)


def density_on(
    grid: Grid, run: RunView, index: int, of: Series = "x", source: Source = "auto", bandwidth: float | None = None
) -> NDArray[np.float64] | None:
    """A series' density at a visit at the cells' middles, shape ``grid.shape``; None where there is no series.

    Raises:
        UsageError: It is to be exact and is not known.
    """
    if is_exact(run, of, source):
        return exact_on(run, run.trajectory.levels[index], grid.points).reshape(grid.shape)
    xy = latest(run, of, index)
    return None if xy is None else spread_over(xy, grid, bandwidth)
