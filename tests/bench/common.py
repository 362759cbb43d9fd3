"""Shared by the benchmarks: the rows of a table, and timing of both sides in turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Row", "compare", "table"]


class Row(NamedTuple):
    """One row of a table.

    Attributes:
        what: The quantity that is measured.
        ours: noisereel's time per frame or step in seconds; if nothing is compared, the value itself in ``unit``.
        theirs: The other side's time per frame or step in seconds; None if nothing is compared.
        target: Value to reach, such as "25×" or "≤ 16 MiB"; empty if there is none.
        note: Remark in the last column.
        unit: Unit of ``ours`` if nothing is compared.
    """

    what: str
    ours: float
    theirs: float | None
    target: str
    note: str = ""
    unit: str = "s"


def compare(ours: Callable[[], object], theirs: Callable[[], object], repeats: int = 5) -> tuple[float, float]:
    """Return the median seconds of both, timed in turn so that a noisy machine is equally unfair to both."""
    ours(), theirs()
    times = [(_time(ours), _time(theirs)) for _ in range(repeats)]
    return statistics.median(t for t, _ in times), statistics.median(t for _, t in times)


def _time(f: Callable[[], object]) -> float:
    begin = time.perf_counter()
    f()
    return time.perf_counter() - begin


def table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| what | target | measured | ours | theirs | |", "|---|---|---|---|---|---|"]
    for row in rows:
        if row.theirs is None:
            cells = [_value(row.ours, row.unit), "", ""]
        else:
            ratio = row.theirs / row.ours
            measured = f"{100 * ratio:.0f} %" if "%" in row.target else f"{ratio:.3g}×"
            cells = [measured, _seconds(row.ours), _seconds(row.theirs)]
        lines.append("| " + " | ".join([row.what, row.target, *cells, row.note]) + " |")
    return "\n".join(lines)


def _seconds(s: float) -> str:
    return f"{s:.2f} s" if s >= 1 else f"{1e3 * s:.3g} ms" if s >= 1e-3 else f"{1e6 * s:.3g} µs"


def _value(value: float, unit: str) -> str:
    return f"{value:.2g} {unit}" if abs(value) < 0.01 else f"{value:.3g} {unit}"
