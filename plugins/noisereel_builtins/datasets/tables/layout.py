"""The layout of a table in a text file, recognised by its first rows: separator, names, width."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TextIO

__all__ = ["Layout", "Row", "is_number", "recognised", "records"]

Row = tuple[int, list[str]]
"""The number of a row's first line, from 1, and its cells."""

_SEPARATORS = (";", "\t", ",", "|", None)  # None for blanks
_HEAD = 2**18  # characters that the layout is recognised by
_MISSING = {"", "na", "n/a", "null", "none", "-", "?", "."}
_CELL = re.compile(r'"((?:[^"]|"")*)"|(\S+)')


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of a table are written.

    Attributes:
        separator: Character between cells; None for blanks.
        names: Names of the columns; empty if the table has none.
        width: Number of columns.
        skip: Number of lines before the first row of values.
        head: The first rows of values.
        row_length: Mean length of these rows, in characters.
        warning: What the user should check.
    """

    separator: str | None
    names: Sequence[str]
    width: int
    skip: int
    head: Sequence[Row]
    row_length: float
    warning: str | None = None

    def name(self, column: int) -> str:
        """Return the name of a column, or its number."""
        return (self.names[column] if self.names else "") or f"column {column + 1}"


def recognised(file: TextIO, header: bool | None) -> Layout:
    """Recognise the layout of a table.

    Args:
        file: The open file, at its beginning.
        header: Whether the first row contains the names; None to tell by its cells.

    Raises:
        ValueError: There is no table.
    """
    text = file.read(_HEAD)
    if "\0" in text:
        raise ValueError("must be UTF-8 text")
    lines = text.splitlines(keepends=True)
    is_whole = not file.read(1)
    if not is_whole:
        del lines[-1]
        if not lines:
            raise ValueError(f"the first line has more than {_HEAD:,} characters")
    above, separator = _preamble(lines)
    separator = separator or _separator(lines[len(above) :])
    rows = [(number + len(above), cells) for number, cells in records(lines[len(above) :], separator)]
    if not is_whole and len(rows) > 2:
        del rows[-1]  # it may go on
    if not rows:
        raise ValueError("the file is empty")
    return _layout(rows, above, separator, header, len(text) / len(lines))


def records(lines: Iterable[str], separator: str | None) -> Iterator[Row]:
    """Yield the rows of a table, without empty lines and comments; cells are stripped.

    Raises:
        ValueError: A cell is too long, most likely because a quote does not end.
    """
    for number, cells in _split(lines, separator):
        row = [cell.strip() for cell in cells]
        if any(row) and not (row[0] == "#" or row[0].startswith("# ")):
            yield number, row


def is_number(text: str) -> bool:
    """Return whether a cell is a number, NaN and infinity included."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _split(lines: Iterable[str], separator: str | None) -> Iterator[Row]:
    if separator is None:
        for number, line in enumerate(lines, 1):
            quoted = '"' in line
            yield number, [q.replace('""', '"') or c for q, c in _CELL.findall(line)] if quoted else line.split()
        return
    reader, number = csv.reader(lines, delimiter=separator, skipinitialspace=True), 1
    try:
        for cells in reader:
            yield number, cells
            number = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"row {number}: {error}; does a quote not end?") from None


def _preamble(lines: Sequence[str]) -> tuple[list[str], str | None]:
    """Return the lines above the table, and the separator if one of them gives it, as Excel's ``sep=;`` does."""
    above: list[str] = []
    separator = None
    for line in lines:
        text = line.strip("\r\n")
        if text.lower().startswith("sep=") and len(text) == 5:
            separator = text[4]
        elif text.strip() and not _is_comment(text.strip()):
            break
        above.append(line)
    return above, separator


def _is_comment(line: str) -> bool:
    """Return whether a line above the table is a comment; ``#ff0000,1,2`` is a row."""
    if not line.startswith("#"):
        return False
    return not line[1:2].strip() or not any(map(is_number, re.split(r"[;\t,|\s]+", line)[1:]))


def _separator(lines: Sequence[str]) -> str | None:
    """Return the separator that makes numbers of most cells, and rows of equal length."""

    def score(separator: str | None) -> tuple[int, bool]:
        try:
            rows = [row for _, row in records(lines[:200], separator)]
        except ValueError:
            return 0, False
        return sum(is_number(cell) for row in rows for cell in row), len({len(row) for row in rows}) == 1

    return max(_SEPARATORS, key=score)


def _layout(
    rows: list[Row], above: Sequence[str], separator: str | None, header: bool | None, row_length: float
) -> Layout:
    first, rest = rows[0][1], [row for _, row in rows[1:]]
    named = _is_header(first, rest) if header is None else header
    values = rows[named:]
    if not values:
        raise ValueError("there are no rows below the column names")
    names, width = _columns(first if named else [], [row for _, row in values])
    if not named and above:
        names = _names_in(above[-1], separator, width)
    warning = None if header is not None else _header_warning(first, rest, named=named)
    return Layout(separator, names, width, values[0][0] - 1, values, row_length, warning)


def _is_header(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Return whether a first row has names: no number in it, or words above numbers."""
    if not any(map(is_number, first)):
        return any(cell.lower() not in _MISSING for cell in first)
    return any(
        not is_number(cell) and cell.lower() not in _MISSING and _is_numeric([row[i : i + 1] for row in rest])
        for i, cell in enumerate(first)
    )


def _is_numeric(cells: Sequence[Sequence[str]]) -> bool:
    return bool(cells) and all(cell and is_number(cell[0]) for cell in cells)


def _columns(names: list[str], rows: Sequence[Sequence[str]]) -> tuple[Sequence[str], int]:
    """Return the names and the number of columns, without empty columns at the end.

    Tables of R have no name above the first column.
    """
    full = len(rows[0])
    filled = max(_filled(row) for row in rows)
    if not names:
        return [], max(1, filled if all(len(row) == full for row in rows) else full)
    kept = names[: _filled(names)]
    if len(kept) == filled - 1 and all(len(row) == full for row in rows):
        return ([*kept, ""] if len(names) > len(kept) else ["", *kept]), filled
    return kept, len(kept)


def _filled(row: Sequence[str]) -> int:
    """Return the length of a row without empty cells at its end."""
    return max((i for i, cell in enumerate(row, 1) if cell), default=0)


def _names_in(comment: str, separator: str | None, width: int) -> Sequence[str]:
    """Return the names in the comment above a table, none if it does not have one for each column."""
    for each in dict.fromkeys((separator, *_SEPARATORS)):
        for _, names in records([comment.strip().lstrip("#").strip()], each):
            if len(names) == width:
                return names
    return []


def _header_warning(first: Sequence[str], rest: Sequence[Sequence[str]], *, named: bool) -> str | None:
    """Return a warning if it is uncertain whether the first row has names, else None."""
    if named and any(map(is_number, first)):
        return f"the first row is taken as names ({', '.join(first)}); 'header: false' takes it as values"
    if not named and _looks_like_names(first, rest):
        return f"the first row is taken as values ({', '.join(first)}); 'header: true' takes it as names"
    return None


def _looks_like_names(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Return whether numbers may be names, such as years: whole, in order, and unlike the numbers below."""
    if len(rest) < 2 or len(first) < 2 or not all(re.fullmatch(r"\d+", cell) for cell in first):
        return False
    steps = [int(after) - int(before) for before, after in pairwise(first)]
    if not (all(step > 0 for step in steps) or all(step < 0 for step in steps)):
        return False
    counts = set(steps) == {1} and first[0] in ("0", "1")
    return all(
        _is_unlike(int(cell), [row[i] for row in rest if i < len(row)], counts=counts) for i, cell in enumerate(first)
    )


def _is_unlike(cell: int, below: Sequence[str], *, counts: bool) -> bool:
    """Return whether a number is far from those below it, or counts columns while most numbers are fractions."""
    numbers = [float(text) for text in below if is_number(text) and math.isfinite(float(text))]
    if not numbers:
        return False
    if counts and sum(number != round(number) for number in numbers) > len(numbers) / 2:
        return True
    low, high = min(numbers), max(numbers)
    return max(low - cell, cell - high) > high - low
