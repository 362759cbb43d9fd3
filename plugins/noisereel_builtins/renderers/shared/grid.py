"""Grids: densities in square cells, exact if the data set defines them, else estimated from the particles."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

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
"""Particles counted at a time: they fit into the processor's cache, and memory does not grow with their number."""

BANDWIDTH = 0.8
"""Fraction of Scott's bandwidth std·n^(−1/6), which blurs anything finer than a single Gaussian too much."""

Source = Annotated[
    Literal["auto", "exact", "particles"],
    Field(
        description="Origin of the density: exact, particles (an estimate), or auto, which is exact if the run only "
        "adds noise to data with a known density."
    ),
]
"""Origin of a density, with the description of fields of this type."""


class Grid(NamedTuple):
    """Cells over a rectangle.

    Attributes:
        x: Horizontal range.
        y: Vertical range.
        shape: Numbers of rows, counted from the bottom, and of columns.
    """

    x: Range
    y: Range
    shape: tuple[int, int]

    @property
    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Centres of the columns and of the rows, shapes (columns,) and (rows,)."""
        rows, columns = self.shape
        return _centres(self.x, columns), _centres(self.y, rows)

    @property
    def cell(self) -> tuple[float, float]:
        """Width and height of a cell."""
        rows, columns = self.shape
        return (self.x[1] - self.x[0]) / columns, (self.y[1] - self.y[0]) / rows

    @property
    def points(self) -> NDArray[np.float64]:
        """Centres of the cells, row by row from the bottom, shape (rows · columns, 2)."""
        across, up = np.meshgrid(*self.centres)
        return np.stack([across.ravel(), up.ravel()], axis=1)


def _centres(ends: Range, n: int) -> NDArray[np.float64]:
    return ends[0] + (np.arange(n) + 0.5) * (ends[1] - ends[0]) / n


def grid_over(view: View, columns: int) -> Grid:
    """Return a grid of square cells over a panel, with this number of columns."""
    width = (view.x[1] - view.x[0]) / columns
    return Grid(view.x, view.y, (max(2, round((view.y[1] - view.y[0]) / width)), columns))


def counts(xy: NDArray[np.floating], grid: Grid) -> NDArray[np.int64]:
    """Count the points in each cell, shape ``grid.shape``; counts of parts of a cloud add up to those of the whole.

    Args:
        xy: Points, shape (n, 2); those outside, and those that are not finite, are ignored.
        grid: The cells.
    """
    rows, columns = grid.shape
    total = np.zeros((rows + 2) * (columns + 2), np.int64)  # a border of one cell collects the points outside
    for begin in range(0, len(xy), CHUNK):
        part = xy[begin : begin + CHUNK]
        cell = _cell_positions(part[:, 1], grid.y, rows).astype(np.intp)
        cell *= columns + 2
        cell += _cell_positions(part[:, 0], grid.x, columns).astype(np.intp)
        total += np.bincount(cell, minlength=len(total))
    return total.reshape(rows + 2, columns + 2)[1:-1, 1:-1]


def _cell_positions(values: NDArray[np.floating], ends: Range, n: int) -> NDArray[np.floating]:
    """Return positions in units of cells, from 1 to n + 1; values outside and NaN become less than 1, or n + 1."""
    positions = values - values.dtype.type(ends[0])
    positions *= values.dtype.type(n / (ends[1] - ends[0]))
    np.fmax(positions, -1, out=positions)
    np.fmin(positions, n, out=positions)
    positions += 1
    return positions


def smoothed(table: NDArray[np.generic], widths: tuple[float, float]) -> NDArray[np.float64]:
    """Blur a table by a Gaussian; nothing leaks out at the edges, so that the sum is kept.

    Args:
        table: Shape (rows, columns).
        widths: The Gaussian's standard deviations in rows and in columns.
    """
    down, across = (_blur(n, width) for n, width in zip(table.shape, widths, strict=True))
    return np.asarray(down @ table.astype(np.float64) @ across.T)


def _blur(n: int, width: float) -> NDArray[np.float64]:
    """Return the matrix that blurs n numbers; its columns sum to 1."""
    if width <= 0:
        return np.eye(n)
    distance = np.subtract.outer(np.arange(n), np.arange(n)) / width
    kernel = np.exp(-(distance**2) / 2)
    return np.asarray(kernel / kernel.sum(axis=0))


def spread_over(xy: NDArray[np.floating], grid: Grid, bandwidth: float | None) -> NDArray[np.float64]:
    """Return the density of points at the cells' centres, shape ``grid.shape``; it integrates to the fraction inside.

    Args:
        xy: Points, shape (n, 2).
        grid: The cells.
        bandwidth: Standard deviation of the Gaussian that each point is blurred to; if None, it suits their number.
    """
    width, height = grid.cell
    table = counts(xy, grid)
    if bandwidth is None:
        bandwidth = BANDWIDTH * radius(table, grid) * max(1, len(xy)) ** (-1 / 6)
    return smoothed(table, (bandwidth / height, bandwidth / width)) / (max(1, len(xy)) * width * height)


def radius(table: NDArray[np.int64], grid: Grid) -> float:
    """Return the spread of points: the standard deviation of the isotropic Gaussian that is as crowded as they are.

    The frequency with which two points share a cell estimates ∫p², which is 1/(4πσ²) for a Gaussian. Unlike the
    standard deviation, it distinguishes a thin spiral from a disc. It is limited by the size of the grid, for clouds in
    which hardly any points share a cell.
    """
    width, height = grid.cell
    n, pairs = int(table.sum()), int((table * (table - 1)).sum())
    largest = min(width * grid.shape[1], height * grid.shape[0]) / 6
    return min(largest, float(np.sqrt(n * n * width * height / (4 * np.pi * pairs)))) if pairs else largest


def exact_on(run: RunView, level: Level, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the exact p_t at points of shape (m, D), shape (m,).

    Raises:
        UsageError: The data set does not define it.
    """
    if run.trajectory.data.density is None:
        raise UsageError(f"source: the density of run '{run.trajectory.name}' is not known exactly; use 'particles'")
    return np.asarray(run.trajectory.data.density(torch.from_numpy(points), level), np.float64)


def unknown_density(source: Source, run: RunInfo) -> str | None:
    """Return the reason why a density cannot be exact, or None."""
    if source != "exact" or run.data.density is not None:
        return None
    return f"source: the density of run '{run.name}' is not known exactly; use 'particles'"


def is_exact(run: RunView, of: Series, source: Source) -> bool:
    """Return whether the density of a series is exact: if chosen, or for x in a run that only adds noise to data."""
    known = run.trajectory.data.density is not None and of == "x"
    return source == "exact" or (source == "auto" and known and "x0" not in run.trajectory.arrays.series)


def density_on(
    grid: Grid, run: RunView, index: int, of: Series = "x", source: Source = "auto", bandwidth: float | None = None
) -> NDArray[np.float64] | None:
    """Return the density of a series at a visit, at the cells' centres, shape ``grid.shape``; None without the series.

    Raises:
        UsageError: It must be exact but is not known.
    """
    if is_exact(run, of, source):
        return exact_on(run, run.trajectory.levels[index], grid.points).reshape(grid.shape)
    xy = latest(run, of, index)
    return None if xy is None else spread_over(xy, grid, bandwidth)
