"""Where panels stand: a grid near a square, or rows of names in the manner of CSS."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..support.errors import suggest

__all__ = ["Arrangement", "Cell", "cells_of", "near_square", "places"]


class Cell(NamedTuple):
    """A panel's place in the grid, from row 0 and column 0 at the upper left."""

    row: int
    column: int
    rows: int = 1
    columns: int = 1


class Arrangement(NamedTuple):
    """Panels in a grid.

    Attributes:
        cells: Each panel's place.
        widths: Relative widths of the columns.
        heights: Relative heights of the rows.
    """

    cells: tuple[Cell, ...]
    widths: tuple[float, ...]
    heights: tuple[float, ...]

    def for_frame(self, size: tuple[int, int]) -> Arrangement:
        """The same, or rows for columns in a frame that is taller than wide, where panels are nearer to squares then.

        Args:
            size: (width, height) of the frame.
        """
        turned = self._turned()
        is_better = size[1] > size[0] and turned._stretch(size) < self._stretch(size)
        return turned if is_better else self

    def _turned(self) -> Arrangement:
        cells = tuple(Cell(cell.column, cell.row, cell.columns, cell.rows) for cell in self.cells)
        return Arrangement(cells, self.heights, self.widths)

    def _stretch(self, size: tuple[int, int]) -> float:
        """How far the panel that is farthest from a square is from one."""
        return max(abs(math.log(self._share(cell) * size[0] / size[1])) for cell in self.cells)

    def _share(self, cell: Cell) -> float:
        """A cell's share of the width over its share of the height."""
        across = sum(self.widths[cell.column : cell.column + cell.columns]) / sum(self.widths)
        return across / (sum(self.heights[cell.row : cell.row + cell.rows]) / sum(self.heights))


def near_square(panels: int) -> int:
    """Number of columns: one row for up to three panels and for five, else a grid near a square."""
    return panels if panels in (1, 2, 3, 5) else -(-panels // math.isqrt(panels))


def cells_of(areas: Sequence[str]) -> Mapping[str, Cell]:
    """The cell of each name, in reading order.

    Args:
        areas: Rows of names, such as "roll entropy"; a name repeated spans cells, a dot leaves one empty.

    Raises:
        ValueError: The rows differ in length, or a name's cells form no rectangle.
    """
    if len({len(row.split()) for row in areas}) > 1 or not areas[0].split():
        raise ValueError("every row must name equally many cells; a dot leaves a cell empty")
    found: dict[str, list[tuple[int, int]]] = {}
    for row, line in enumerate(areas):
        for column, name in enumerate(line.split()):
            found.setdefault(name, []).append((row, column))
    return {name: _rectangle(name, cells) for name, cells in found.items() if name != "."}


def _rectangle(name: str, cells: Sequence[tuple[int, int]]) -> Cell:
    (top, left), (bottom, right) = cells[0], cells[-1]
    cell = Cell(top, left, bottom - top + 1, right - left + 1)
    if [*cells] != [(top + i, left + j) for i in range(cell.rows) for j in range(cell.columns)]:
        raise ValueError(f"the cells of '{name}' must form a rectangle")
    return cell


def places(areas: Sequence[str], names: Sequence[str | None]) -> tuple[Cell, ...]:
    """The cell of each panel by name.

    Raises:
        ValueError: A panel has no name or no area of its own, or an area no panel.
    """
    cells = cells_of(areas)
    for i, name in enumerate(names):
        if name is None:
            raise ValueError(f"panel {i} needs a 'name' to have its place in 'areas'")
        if name not in cells:
            raise ValueError(f"panel '{name}' is not in 'areas'; {suggest(name, [*cells])}")
        if names.count(name) > 1:
            raise ValueError(f"{names.count(name)} panels are named '{name}'; each needs a place of its own")
    if empty := [name for name in cells if name not in names]:
        raise ValueError(f"no panel is named '{empty[0]}'; a dot leaves a cell empty")
    return tuple(cells[name] for name in names if name is not None)
