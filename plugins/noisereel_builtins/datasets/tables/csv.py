"""Points from a table in a text file."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TextIO

import numpy as np
import torch
from numpy.typing import NDArray

from noisereel.contracts.dataset import Data, Dataset, LoadContext
from noisereel.support.files import regular_file
from noisereel.support.memory import require_memory

from .layout import Layout, is_number, recognised, records

__all__ = ["Csv"]

Column = str | int
Numbers = NDArray[np.float64]

_LARGEST = 2**30
"""Size in bytes of the largest file that is read."""
_BYTES = 24  # each number at the peak: twice in float64 while rows are added, once in float32 when it is kept
_EXACT = 2.0**53  # from here on, float64 cannot hold every whole number


class Csv(Dataset):
    """Points from a table in a text file, one point per row: ``{csv: points.csv}``.

    Columns are separated by commas, semicolons, tabs, vertical bars or blanks. The first row names them if there is no
    number in it, or a word above numbers; so may a comment above the table (``# x y``). A first column without a name
    that counts the rows is left out. The points are not scaled; use ``standardised`` for that.
    """

    primary: ClassVar[str | None] = "path"

    path: Path
    """The file, relative to the scene's folder."""
    columns: tuple[Column, ...] | None = None
    """Columns of the coordinates, by name or by number from 1; if omitted, all except ``label``."""
    label: Column | None = None
    """Column of each point's class, by name or by number; classes may be text."""
    header: bool | None = None
    """Whether the first row contains names, for tables where it is not clear, such as years above numbers."""

    def load(self, ctx: LoadContext) -> Data:
        """Read the points, shape (n, columns).

        Raises:
            OSError: The file cannot be opened.
            ValueError: A column does not exist, or a value is not a finite number; the message gives row and column.
        """
        file = ctx.folder / self.path.expanduser()
        regular_file(file, _LARGEST)
        try:
            return self._read(file, ctx.warn)
        except UnicodeDecodeError:
            raise ValueError(f"{file}: must be UTF-8 text") from None
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from None

    def _read(self, file: Path, warn: Callable[[str], None]) -> Data:
        with _opened(file) as lines:
            layout = recognised(lines, self.header)
        if layout.warning:
            warn(layout.warning)
        require_memory("rows", round(file.stat().st_size / layout.row_length), _BYTES * layout.width)
        table = _Table(file, layout)
        label = None if self.label is None else table.column(self.label)
        columns = [c for c in range(layout.width) if c != label]
        if self.columns is not None:
            columns = [table.column(name) for name in self.columns]
        if not columns:
            raise ValueError("there is no column for the coordinates")
        x0, labels = table.read(columns, label)
        if self.columns is None:
            x0 = _without_index(x0, columns, layout, warn)
        hue = None if labels is None else labels / max(1, int(labels.max()))
        return Data(torch.from_numpy(x0), labels, hue)


@dataclass(frozen=True, slots=True)
class _Table:
    """The cells of a table; messages count rows and columns from 1."""

    file: Path
    layout: Layout

    def column(self, name: Column) -> int:
        """Return the index of a column, from 0."""
        names, width = self.layout.names, self.layout.width
        number = name - 1 if isinstance(name, int) and 1 <= name <= width else None
        named = [i for i, known in enumerate(names) if known == str(name)]
        found = named if number is None else [number]
        if len(found) > 1:
            raise ValueError(f"{len(found)} columns are named {name!r}: give the number of one, from 1 to {width}")
        if number is not None and named and named != found:
            raise ValueError(f"column {name} may be the {name}. one or that named '{name}': write the name in quotes")
        if not found:
            known = ", ".join(map(repr, names)) or f"1 to {width}"
            raise ValueError(f"there is no column {name!r}; known: {known}")
        return found[0]

    def read(self, columns: Sequence[int], label: int | None) -> tuple[Numbers, torch.Tensor | None]:
        """Return the numbers in some columns, shape (n, columns), and the number of each row's class."""
        numbers = self._quickly()
        if numbers is None or not np.isfinite(numbers).all():
            return self._exactly(columns, label)
        if label is not None and np.abs(numbers[:, label]).max() >= _EXACT:
            return self._exactly(columns, label)
        labels = None
        if label is not None:
            labels = torch.from_numpy(np.unique(numbers[:, label], return_inverse=True)[1].reshape(-1))
        is_all = list(columns) == list(range(numbers.shape[1]))
        return (numbers if is_all else np.ascontiguousarray(numbers[:, columns])), labels

    def _quickly(self) -> Numbers | None:
        """Return the whole table if every cell is plainly a number, else None."""
        layout = self.layout
        if not all(len(row) == layout.width and all(map(is_number, row)) for _, row in layout.head):
            return None
        try:
            with _opened(self.file) as lines:
                numbers = np.loadtxt(
                    lines, delimiter=layout.separator, skiprows=layout.skip, comments=None, quotechar='"', ndmin=2
                )
        except ValueError:
            return None
        return numbers if numbers.shape[1] == layout.width else None

    def _exactly(self, columns: Sequence[int], label: int | None) -> tuple[Numbers, torch.Tensor | None]:
        """Read row by row, which finds what is wrong with a cell."""
        numbers, codes, classes = array("d"), array("q"), dict[str, int]()
        with _opened(self.file) as lines:
            for _ in range(self.layout.skip):
                next(lines)
            for line, cells in records(lines, self.layout.separator):
                row = self._checked(line + self.layout.skip, cells)
                numbers.extend([self._number(line, row, column) for column in columns])
                if label is not None:
                    codes.append(classes.setdefault(self._class(line, row, label), len(classes)))
        x0 = np.frombuffer(numbers).reshape(-1, len(columns))
        return x0, None if label is None else torch.tensor(_classes(list(classes)))[torch.tensor(codes)]

    def _checked(self, line: int, cells: list[str]) -> list[str]:
        width = self.layout.width
        if len(cells) < width or any(cells[width:]):
            raise ValueError(f"row {line}: {len(cells)} values, but the first row has {width}")
        return cells

    def _number(self, line: int, row: Sequence[str], column: int) -> float:
        text = row[column]
        value = float(text) if is_number(text) else math.nan
        if math.isfinite(value):
            return value
        raise ValueError(f"{self._place(line, column)}: must be a finite number, got '{text:.60}'")

    def _class(self, line: int, row: Sequence[str], column: int) -> str:
        text = row[column]
        if not text or text.lower() == "nan":
            raise ValueError(f"{self._place(line, column)}: the class is missing")
        return text

    def _place(self, line: int, column: int) -> str:
        name = f" ({self.layout.names[column]})" if self.layout.names and self.layout.names[column] else ""
        return f"row {line + self.layout.skip}, column {column + 1}{name}"


def _opened(file: Path) -> TextIO:
    return file.open(encoding="utf-8-sig", newline="")


def _without_index(x0: Numbers, columns: Sequence[int], layout: Layout, warn: Callable[[str], None]) -> Numbers:
    """Leave out an unnamed first column that counts the rows; warn of this, and of other columns that may do so."""
    if columns[:1] != [0] or len(columns) < 2:
        return x0
    counts = len(x0) > 1 and any(np.array_equal(x0[:, 0], np.arange(i, len(x0) + i)) for i in (0, 1))
    name = layout.names[0].lower() if layout.names else None
    is_unnamed = name == "" or (name or "").startswith("unnamed: ")
    if is_unnamed and counts:
        kept = ", ".join(layout.name(column) for column in columns[1:])
        warn(f"the first column has no name and counts the rows, so it is left out: the coordinates are {kept}")
        return np.ascontiguousarray(x0[:, 1:])
    if is_unnamed or (counts and (name in {"id", "index", "row"} or (name is None and len(columns) > 2))):
        reason = "counts the rows" if counts else "has no name"
        kept = ", ".join(layout.name(column) for column in columns)
        warn(f"the first column {reason}: the coordinates are {kept}; 'columns' takes others")
    return x0


def _classes(texts: Sequence[str]) -> list[int]:
    """Number classes in the order of their names; by size if all are numbers, of which 1 and 1.0 are the same."""
    numeric = all(is_number(text) and math.isfinite(float(text)) for text in texts)
    values = [_number(text) if numeric else text for text in texts]
    ranks = {value: i for i, value in enumerate(sorted(set(values)))}
    return [ranks[value] for value in values]


def _number(text: str) -> float:
    try:
        return int(text)
    except ValueError:
        return float(text)
