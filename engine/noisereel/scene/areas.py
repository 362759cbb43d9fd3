"""Panel arrangement: a roughly square grid, or rows of names as in CSS grid areas."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..support.errors import suggest

__all__ = ["Arrangement", "Cell", "cells_of", "near_square", "places"]


class Cell(NamedTuple):
    """A panel's cells in the grid; row 0 and column 0 are at the upper left.

    Attributes:
        row: First row.
        column: First column.
        rows: Number of rows.
        columns: Number of columns.
    """

    row: int
    column: int
    rows: int = 1
    columns: int = 1


class Arrangement(NamedTuple):
    """Panels in a grid.

    Attributes:
        cells: Cell of each panel.
        widths: Relative widths of the columns.
        heights: Relative heights of the rows.
    """

    cells: tuple[Cell, ...]
    widths: tuple[float, ...]
    heights: tuple[float, ...]

    def for_frame(self, size: tuple[int, int]) -> Arrangement:
        """Return it with rows and columns swapped if the frame is tall and panels are then closer to squares.

        Args:
            size: (width, height) of the frame.
        """
        swapped = self._swapped()
        is_better = size[1] > size[0] and swapped._stretch(size) < self._stretch(size)
        return swapped if is_better else self

    def _swapped(self) -> Arrangement:
        cells = tuple(Cell(cell.column, cell.row, cell.columns, cell.rows) for cell in self.cells)
        return Arrangement(cells, self.heights, self.widths)

    def _stretch(self, size: tuple[int, int]) -> float:
        """Return the largest |log aspect ratio| of any panel: 0 if all are squares."""
        return max(abs(math.log(self._aspect(cell) * size[0] / size[1])) for cell in self.cells)

    def _aspect(self, cell: Cell) -> float:
        """Return a cell's fraction of the width divided by its fraction of the height."""
        width = sum(self.widths[cell.column : cell.column + cell.columns]) / sum(self.widths)
        height = sum(self.heights[cell.row : cell.row + cell.rows]) / sum(self.heights)
        return width / height


def near_square(panels: int) -> int:
    """Return the number of columns: one row for up to three panels and for five, else a roughly square grid."""
    return panels if panels in (1, 2, 3, 5) else -(-panels // math.isqrt(panels))


def cells_of(areas: Sequence[str]) -> Mapping[str, Cell]:
    """Return the cell of each name, in reading order.

    Args:
        areas: Rows of names, such as "roll entropy"; a repeated name spans cells, a dot leaves one empty.

    Raises:
        ValueError: The rows differ in length, or the cells of a name do not form a rectangle.
    """
    if len({len(row.split()) for row in areas}) > 1 or not areas[0].split():
        raise ValueError("every row must have the same number of cells; a dot leaves a cell empty")
    cells: dict[str, list[tuple[int, int]]] = {}
    for row, line in enumerate(areas):
        for column, name in enumerate(line.split()):
            cells.setdefault(name, []).append((row, column))
    return {name: _rectangle(name, own) for name, own in cells.items() if name != "."}


def _rectangle(name: str, cells: Sequence[tuple[int, int]]) -> Cell:
    (top, left), (bottom, right) = cells[0], cells[-1]
    cell = Cell(top, left, bottom - top + 1, right - left + 1)
    if [*cells] != [(top + i, left + j) for i in range(cell.rows) for j in range(cell.columns)]:
        raise ValueError(f"the cells of '{name}' must form a rectangle")
    return cell


def places(areas: Sequence[str], names: Sequence[str | None]) -> tuple[Cell, ...]:
    """Return the cell of each panel, found by its name.

    Raises:
        ValueError: A panel has no name or no area, shares its name with another panel, or an area has no panel.
    """
    cells = cells_of(areas)
    for i, name in enumerate(names):
        if name is None:
            raise ValueError(f"panel {i} needs a 'name' that appears in 'areas'")
        if name not in cells:
            raise ValueError(f"panel '{name}' is not in 'areas'; {suggest(name, [*cells])}")
        if names.count(name) > 1:
            raise ValueError(f"{names.count(name)} panels are named '{name}'; 'areas' needs unique names")
    if empty := [name for name in cells if name not in names]:
        raise ValueError(f"no panel is named '{empty[0]}'; a dot leaves a cell empty")
    return tuple(cells[name] for name in names if name is not None)
