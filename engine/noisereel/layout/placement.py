"""Placement of panels: rows and columns of the grid, room for titles and tick labels, limits that fit the pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, floor, inf

from ..contracts.figure import Panel
from ..contracts.geometry import Range, Rect, View
from ..support.errors import UsageError
from ..support.typeset import measure
from .axis import footer, gutter, overhang
from .captions import BLEED, HEADER, TITLE_SIZE, caption_room, crowded, header
from .plan import Grid, PanelPlan, Placed, Room
from .tracks import Track, share

__all__ = ["place"]

_GAP, _NARROW_GAP, _MANY = 30.0, 18.0, 4
"""Design pixels between panels, in general and from this many rows or columns on."""

_SMALLEST = 24.0
"""Smallest width and height of a panel's data, in design pixels."""

_WORTH = 0.78
"""Share of the largest scale that a whole-number scale of a picture must reach to be preferred."""

_FLATTEST = 0.25
"""Smallest height over width of a panel of particles."""


def place(room: Room, plans: Sequence[PanelPlan], grid: Grid) -> tuple[Placed, ...]:
    """Place panels on a grid, with pixels and limits.

    Raises:
        UsageError: There is too little room.
    """
    table = _table(room, plans, grid)
    return tuple(_placed(room, table, plan) for plan in plans)


def _placed(room: Room, table: _Table, plan: PanelPlan) -> Placed:
    panel = _panel(room, table, plan)
    reach = table.columns[plan.columns[1]].high - panel.view.rect.left
    return Placed(panel, plan.rows[0] in table.stacked, reach / room.scale)


@dataclass(frozen=True, slots=True)
class _Table:
    """The grid in pixels.

    Attributes:
        rows: The rows, from the top.
        columns: The columns, from the left.
        gap: Pixels between them.
        stacked: Rows whose titles have a separate line.
    """

    rows: tuple[Track, ...]
    columns: tuple[Track, ...]
    gap: float
    stacked: frozenset[int]

    def height(self, plan: PanelPlan) -> float:
        """Return the height of a panel's data."""
        first, last = plan.rows
        return self.rows[last].high - self.rows[first].low

    def width(self, plan: PanelPlan) -> float:
        """Return the width of a panel's data."""
        first, last = plan.columns
        return self.columns[last].high - self.columns[first].low


def _largest(n: int, demands: Iterable[tuple[int, float]], least: float = 0.0) -> list[float]:
    """Return the largest demand on each of n tracks, at least ``least``."""
    most = [least] * n
    for track, demand in demands:
        most[track] = max(most[track], demand)
    return most


def _table(room: Room, plans: Sequence[PanelPlan], grid: Grid) -> _Table:
    """Return the grid with one line above the data or, in rows where one is too narrow, two."""
    table = _with_lines(room, plans, grid, frozenset())
    widths = ((p, _filled(p, table)[0] if p.space == "image" else table.width(p)) for p in plans)
    stacked = frozenset(p.rows[0] for p, width in widths if crowded(p, width / room.scale, room.theme))
    return _with_lines(room, plans, grid, stacked) if stacked else table


def _with_lines(room: Room, plans: Sequence[PanelPlan], grid: Grid, stacked: frozenset[int]) -> _Table:
    """Return the grid with two lines above the data of stacked rows.

    Rows come first: the height of an axis determines its labels, and they determine the width of its gutter.
    """
    gap = room.scale * (_NARROW_GAP if max(len(grid.widths), len(grid.heights)) >= _MANY else _GAP)
    table = _Table((), (), gap, stacked)
    share_rows = _row_share(room, plans, grid, table)
    table = replace(table, rows=share_rows(None))
    share_columns = _column_share(room, plans, grid, table)
    table = replace(table, columns=share_columns(None))
    least = _SMALLEST * room.scale
    _check(room, table, least)
    if len(plans) == 1 or any(plan.has_axes for plan in plans):
        return table
    table = replace(table, rows=share_rows(_useful_heights(plans, table, least)))
    if all(plan.space == "image" for plan in plans):
        table = replace(table, columns=share_columns(_useful_widths(room, plans, table, least)))
    return table


def _check(room: Room, table: _Table, least: float) -> None:
    if min(track.size for track in (*table.rows, *table.columns)) < least:
        width, height = room.size
        shape = f"{len(table.rows)} × {len(table.columns)} panels (rows × columns)"
        raise UsageError(f"{width}×{height} pixels have no room for {shape}: make the film larger or show fewer panels")


Share = Callable[[Sequence[float] | None], tuple[Track, ...]]


def _row_share(room: Room, plans: Sequence[PanelPlan], grid: Grid, table: _Table) -> Share:
    n, scale = len(grid.heights), room.scale
    above = ((p.rows[0], scale * header(p, room.theme, p.rows[0] in table.stacked)) for p in plans)
    below = ((p.rows[1], scale * (footer(p) + caption_room(p, room.theme))) for p in plans)
    return partial(share, room.y, grid.heights, _largest(n, above), _largest(n, below), table.gap)


def _column_share(room: Room, plans: Sequence[PanelPlan], grid: Grid, table: _Table) -> Share:
    n, scale = len(grid.widths), room.scale
    least = (room.x[1] - room.x[0]) / n / 2
    before = ((p.columns[0], scale * gutter(p, table.height(p) / scale, room.theme.font)) for p in plans)
    after = _largest(n, ((p.columns[1], scale * overhang(p, least / scale, room.theme.font)) for p in plans))
    after[-1] = max(0.0, after[-1] - (room.stray.right - room.x[1]) + 8 * scale)
    return partial(share, room.x, grid.widths, _largest(n, before), after, table.gap)


def _useful_heights(plans: Sequence[PanelPlan], table: _Table, least: float) -> list[float]:
    """Return the height that each row can fill with pictures or particles as wide as their columns."""
    tall = ((p.rows[0], _filled(p, table)[1] if p.cell[2] == 1 else inf) for p in plans)
    return _largest(len(table.rows), tall, least)


def _useful_widths(room: Room, plans: Sequence[PanelPlan], table: _Table, least: float) -> list[float]:
    """Return the width that each column can fill with pictures as high as their rows, or with their titles."""

    def wide(plan: PanelPlan) -> float:
        title = measure(plan.title.text, TITLE_SIZE, True, room.theme.font).width * room.scale
        return max(title, _filled(plan, table)[0]) if plan.cell[3] == 1 else inf

    return _largest(len(table.columns), ((plan.columns[0], wide(plan)) for plan in plans), least)


def _filled(plan: PanelPlan, table: _Table) -> tuple[float, float]:
    """Return the width and height of a cell that a picture, or particles over its full width, can fill."""
    width, height = table.width(plan), table.height(plan)
    return _shape(plan, width, height) if plan.space == "image" else (width, width * max(_aspect(plan), _FLATTEST))


def _aspect(plan: PanelPlan) -> float:
    """Return height over width."""
    return abs((plan.y[1] - plan.y[0]) / (plan.x[1] - plan.x[0]))


def _panel(room: Room, table: _Table, plan: PanelPlan) -> Panel:
    cell = _cell(room, table, plan)
    rect = _letterbox(cell, plan) if plan.space == "image" else cell
    x, y = (plan.x, plan.y) if plan.has_axes or plan.space == "image" else _widened(plan, cell)
    return Panel(
        view=View(rect, x, y, room.scale),
        theme=room.theme,
        space=plan.space,
        clip=_clip(room, table, plan, rect),
        guides=plan.guides,
        x_label=plan.x_label,
        y_label=plan.y_label,
    )


def _cell(room: Room, table: _Table, plan: PanelPlan) -> Rect:
    """Return the rectangle for data; pictures and particles also use the room that neighbours need for labels."""
    (top, bottom), (left, right) = plan.rows, plan.columns
    first, last = table.rows[top], table.rows[bottom]
    below_header = plan.has_axes or header(plan, room.theme, False) > 0
    return _rect(
        table.columns[left].low,
        first.low if below_header else first.start,
        table.columns[right].high,
        last.high if plan.has_text_below else last.end,
    )


def _rect(left: float, top: float, right: float, bottom: float) -> Rect:
    x, y = round(left), round(top)
    return Rect(x, y, round(right) - x, round(bottom) - y)


def _letterbox(cell: Rect, plan: PanelPlan) -> Rect:
    """Return the largest rectangle of a picture's shape in the middle of its cell."""
    width, height = _shape(plan, cell.width, cell.height)
    return Rect(cell.left + (cell.width - width) // 2, cell.top + (cell.height - height) // 2, width, height)


def _shape(plan: PanelPlan, width: float, height: float) -> tuple[int, int]:
    """Return the width and height of a picture in a cell.

    A whole number of frame pixels per picture pixel, or the inverse, is preferred where that costs little.
    """
    across, up = abs(plan.x[1] - plan.x[0]), abs(plan.y[1] - plan.y[0])
    ratio = min(width / across, height / up)
    whole = floor(ratio) if ratio >= 1 else 1 / ceil(1 / ratio)
    ratio = whole if whole >= _WORTH * ratio else ratio
    return max(1, floor(across * ratio + 1e-6)), max(1, floor(up * ratio + 1e-6))


def _widened(plan: PanelPlan, cell: Rect) -> tuple[Range, Range]:
    """Return limits of equal scale that fill the cell and cut nothing."""
    unit = max(abs(plan.x[1] - plan.x[0]) / cell.width, abs(plan.y[1] - plan.y[0]) / cell.height)
    return _around(plan.x, unit * cell.width), _around(plan.y, unit * cell.height)


def _around(limits: Range, length: float) -> Range:
    low, high = sorted(limits)
    middle = (low + high) / 2
    return min(low, middle - length / 2), max(high, middle + length / 2)


def _clip(room: Room, table: _Table, plan: PanelPlan, rect: Rect) -> Rect:
    """Return where marks may be drawn: pictures within their edges, curves a little beyond, particles in free space."""
    if plan.space == "image":
        return rect
    if plan.has_axes:
        bleed = ceil(BLEED * room.scale)
        return Rect(rect.left - bleed, rect.top - bleed, rect.width + 2 * bleed, rect.height + 2 * bleed)
    (top, bottom), (left, right), half = plan.rows, plan.columns, table.gap / 2
    above = rect.top - HEADER / 2 * room.scale if header(plan, room.theme, False) else table.rows[top].start - half
    below = table.rows[bottom].end + half if bottom + 1 < len(table.rows) else room.stray.bottom
    free_above = top == 0 and not header(plan, room.theme, False)
    return _rect(
        table.columns[left].start - half if left else room.stray.left,
        room.stray.top if free_above else above,
        table.columns[right].end + half if right + 1 < len(table.columns) else room.stray.right,
        rect.bottom + HEADER / 2 * room.scale if plan.has_text_below else below,
    )
