"""Points from a table in a text file."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import ClassVar

import torch

from noisereel.contracts.dataset import Data, Dataset, LoadContext

__all__ = ["Csv"]

Column = str | int

_LARGEST = torch.finfo(torch.float32).max


class Csv(Dataset):
    """Points from a table in a text file, one point per row: ``{csv: points.csv}``.

    Columns are separated by commas, semicolons, tabs or spaces. A first row without any numbers names them. The points
    are not scaled; use ``standardised`` for that.
    """

    primary: ClassVar[str | None] = "path"

    path: Path
    """The file, relative to the scene's folder."""
    columns: tuple[Column, ...] | None = None
    """Columns of the coordinates, by name or by number from 1; if omitted, all except ``label``."""
    label: Column | None = None
    """Column of each point's class, by name or by number; classes may be text."""

    def load(self, ctx: LoadContext) -> Data:
        """Read the points, shape (n, columns).

        Raises:
            OSError: The file cannot be opened.
            ValueError: A column does not exist, or a value is not a finite number; the message gives row and column.
        """
        file = ctx.folder / self.path.expanduser()
        try:
            table = _Table(_text(file))
            label = None if self.label is None else table.column(self.label)
            columns = [c for c in range(table.width) if c != label]
            if self.columns is not None:
                columns = [table.column(name) for name in self.columns]
            x0 = torch.tensor([[table.number(r, c) for c in columns] for r in range(len(table.rows))])
            labels = None if label is None else _classes([table.text(r, label) for r in range(len(table.rows))])
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from None
        hue = None if labels is None else labels / max(1, int(labels.max()))
        return Data(x0, labels, hue)


class _Table:
    """The cells of a table, as text; messages count rows and columns from 1."""

    def __init__(self, text: str) -> None:
        lines = [(i, line) for i, line in enumerate(text.splitlines(), 1) if line.strip()]
        if not lines:
            raise ValueError("the file is empty")
        cells = [(i, _split(line, _separator(lines[0][1]))) for i, line in lines]
        named = not any(map(_is_number, cells[0][1]))
        self.names: Sequence[str] = cells[0][1] if named else []
        self.rows = cells[named:]
        self.width = len(cells[0][1])
        if not self.rows:
            raise ValueError("there are no rows below the column names")
        for i, row in self.rows:
            if len(row) != self.width:
                raise ValueError(f"row {i}: {len(row)} values, but the first row has {self.width}")

    def column(self, name: Column) -> int:
        """Return the index of a column, from 0."""
        if isinstance(name, int) and 1 <= name <= self.width:
            return name - 1
        if name in self.names:
            return self.names.index(str(name))
        known = ", ".join(map(repr, self.names)) or f"1 to {self.width}"
        raise ValueError(f"there is no column {name!r}; known: {known}")

    def text(self, row: int, column: int) -> str:
        return self.rows[row][1][column]

    def number(self, row: int, column: int) -> float:
        text = self.text(row, column)
        value = float(text) if _is_number(text) else math.nan
        if abs(value) <= _LARGEST:
            return value
        name = f" ({self.names[column]})" if self.names else ""
        line = self.rows[row][0]
        raise ValueError(f"row {line}, column {column + 1}{name}: must be a finite number, got '{text}'")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("must be UTF-8 text") from None


def _separator(line: str) -> str | None:
    """Return the first of the usual separators that the line contains; None for spaces."""
    return next((s for s in ";\t," if s in line), None)


def _split(line: str, separator: str | None) -> list[str]:
    if separator is None:
        return line.split()
    return [cell.strip() for cell in next(iter(islice(csv.reader([line], delimiter=separator), 1)))]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _classes(names: Sequence[str]) -> torch.Tensor:
    """Number the classes in the order of their names, by size if all are numbers."""
    numeric = all(map(_is_number, names))
    ordered = sorted(set(names), key=float if numeric else str)
    return torch.tensor([ordered.index(name) for name in names])
