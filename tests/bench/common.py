"""What the benchmarks share: rows of the table, and timing both sides in turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Row", "compare", "median_time", "table"]


class Row(NamedTuple):
    """One figure.

    Attributes:
        what: What is measured.
        ours: Seconds a unit on our side; or, where nothing is compared, the value itself in ``unit``.
        theirs: Seconds a unit on the other side; None where nothing is compared.
        asked: What the figure should reach, such as "25×" or "≤ 16 MiB".
        note: Anything worth saying.
        unit: Of ``ours``, where nothing is compared.
    """

    what: str
    ours: float
    theirs: float | None
    asked: str
    note: str = ""
    unit: str = "s"


def median_time(f: Callable[[], object], repeats: int = 7) -> float:
    """Median seconds of a call, after one that warms up."""
    f()
    return statistics.median(_time(f) for _ in range(repeats))


def compare(ours: Callable[[], object], theirs: Callable[[], object], repeats: int = 5) -> tuple[float, float]:
    """Median seconds of both, taken in turn so that a noisy machine is equally unfair to both."""
    ours(), theirs()
    times = [(_time(ours), _time(theirs)) for _ in range(repeats)]
    return statistics.median(t for t, _ in times), statistics.median(t for _, t in times)


def _time(f: Callable[[], object]) -> float:
    begin = time.perf_counter()
    f()
    return time.perf_counter() - begin


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = ["| what | asked | measured | ours | theirs | |", "|---|---|---|---|---|---|"]
    for row in rows:
        if row.theirs is None:
            cells = [_value(row.ours, row.unit), "", ""]
        else:
            ratio = row.theirs / row.ours
            measured = f"{100 * ratio:.0f} %" if "%" in row.asked else f"{ratio:.3g}×"
            cells = [measured, _seconds(row.ours), _seconds(row.theirs)]
        lines.append("| " + " | ".join([row.what, row.asked, *cells, row.note]) + " |")
    return "\n".join(lines)


def _seconds(s: float) -> str:
    return f"{s:.2f} s" if s >= 1 else f"{1e3 * s:.3g} ms" if s >= 1e-3 else f"{1e6 * s:.3g} µs"


def _value(value: float, unit: str) -> str:
    return f"{value:.2g} {unit}" if abs(value) < 0.01 else f"{value:.3g} {unit}"
