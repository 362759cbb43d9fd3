"""Points from a file."""

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
    """Points from a table in a text file, a point a row: ``{csv: points.csv}``.

    Columns are separated by commas, semicolons, tabs or blanks. A first row that holds no number names them. The points
    stand as given; ``standardised`` scales them.
    """

    primary: ClassVar[str | None] = "path"

    path: Path
    """The file; relative to the scene's folder."""
    columns: tuple[Column, ...] | None = None
    """Names of the coordinates' columns, or their numbers from 1; all but the label's where left out."""
    label: Column | None = None
    """Name or number of the column that holds each point's class, which may be text."""

    def load(self, ctx: LoadContext) -> Data:
        """Read the points, shape (n, columns).

        Raises:
            OSError: The file cannot be opened.
            ValueError: There is no such column, or something is not a finite number; says in which row and column.
        """
        file = ctx.folder / self.path.expanduser()
        try:
            table = _Table(_text(file))
            wanted = None if self.label is None else table.column(self.label)
            columns = [c for c in range(table.width) if c != wanted]
            if self.columns is not None:
                columns = [table.column(name) for name in self.columns]
            x0 = torch.tensor([[table.number(r, c) for c in columns] for r in range(len(table.rows))])
            labels = None if wanted is None else _classes([table.text(r, wanted) for r in range(len(table.rows))])
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from None
        hue = None if labels is None else labels / max(1, int(labels.max()))
        return Data(x0, labels, hue)


class _Table:
    """The cells of a table as text; rows and columns are counted from 1 in what is said of them."""

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
            raise ValueError("there is no row of numbers below the names")
        for i, row in self.rows:
            if len(row) != self.width:
                raise ValueError(f"row {i}: {len(row)} values, where the first row has {self.width}")

    def column(self, name: Column) -> int:
        """Where a column stands, from 0."""
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
        raise ValueError("must be text in UTF-8, and is not") from None


def _separator(line: str) -> str | None:
    """The first of the usual separators that the line holds; None for blanks."""
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
    """Classes numbered in the order of their names, numbers by size."""
    numeric = all(map(_is_number, names))
    ordered = sorted(set(names), key=float if numeric else str)
    return torch.tensor([ordered.index(name) for name in names])
