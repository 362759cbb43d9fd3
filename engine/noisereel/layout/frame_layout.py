"""Frame layout: the place of everything in the frame. Pure; nothing is drawn.

From top to bottom: title, subtitle, the grid of panels, the caption, the time bar. Lengths are design pixels times the
figure's scale, so a layout looks the same at every size. Data rectangles in a column share their edges: tick labels
are in a gutter to their left, and titles above their upper left corners.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..contracts.figure import Figure, Slot, TimeBar
from ..contracts.geometry import Rect, design_scale
from ..contracts.theme import Theme
from ..support.typeset import fitting, rise
from .captions import captions
from .insets import lay_in
from .placement import place
from .plan import FrameText, Grid, Line, PanelPlan, Placed, Room

__all__ = ["lay_out"]

MARGIN = 0.045
"""Margin on either side, as a share of the width."""

TITLE_SIZE, SUBTITLE_SIZE, CAPTION_SIZE, BAR_SIZE = 21.0, 12.5, 11.5, 11.0
"""Type sizes in points."""

TOP, BOTTOM = 39.0, 35.0
"""Margins above the title and below the time bar, in design pixels."""

_BAR_HEIGHT, _BAR_GAP, _NOTE_GAP = 4.0, 11.0, 16.0


def lay_out(
    size: tuple[int, int],
    theme: Theme,
    panels: Sequence[PanelPlan],
    grid: Grid | None = None,
    text: FrameText | None = None,
    *,
    transparent: bool = False,
) -> Figure:
    """Place everything in the frame.

    The figure's slots are, in this order and without empty ones: title, subtitle, the panels' titles in the panels'
    order, their captions, the axis labels, the caption, the bar's left label (always live) and its right one. Text
    that is too wide is set smaller.

    Args:
        size: (width, height) in pixels.
        theme: Colours and type.
        panels: The panels, in reading order.
        grid: The rows and columns that the panels' cells refer to; one of each if None.
        text: The text outside panels; none if None.
        transparent: Whether the background is left out.

    Raises:
        UsageError: The frame is too small for the panels.
    """
    frame, text = _Frame(size, design_scale(size), theme), text or FrameText()
    head = _head(frame, _slot(_TITLE, text.title), _slot(_SUBTITLE, text.subtitle))
    time_bar, foot = _foot(frame, text.bar) if text.bar is not None else (None, ())
    note = _note(frame, _slot(_CAPTION, text.caption), time_bar)
    placed = _placed(_room(frame, head, note, time_bar), panels, grid or Grid())
    lines = captions(panels, placed)
    return Figure(size, theme, tuple(p.panel for p in placed), (*head, *lines, *note, *foot), time_bar, transparent)


def _slot(style: Slot, line: Line) -> Slot:
    return replace(style, text=line.text, live=line.live)


def _placed(room: Room, plans: Sequence[PanelPlan], grid: Grid) -> list[Placed]:
    """Return the panels in their places: on the grid, or in a host."""
    on_grid = iter(place(room, [plan for plan in plans if plan.inset is None], grid))
    hosts = {i: next(on_grid) for i, plan in enumerate(plans) if plan.inset is None}
    return [
        hosts[i] if plan.inset is None else lay_in(room, hosts[plan.inset.host].panel, plan, plan.inset)
        for i, plan in enumerate(plans)
    ]


_TITLE = Slot("", 0, 0, TITLE_SIZE, "ink", bold=True)
_SUBTITLE = Slot("", 0, 0, SUBTITLE_SIZE, "muted")
_CAPTION = Slot("", 0, 0, CAPTION_SIZE, "muted")


@dataclass(frozen=True, slots=True)
class _Frame:
    size: tuple[int, int]
    scale: float
    theme: Theme

    @property
    def left(self) -> int:
        return round(MARGIN * self.size[0])

    @property
    def right(self) -> int:
        return self.size[0] - self.left

    def fitted(self, slot: Slot, room: float) -> Slot:
        """Return the slot in its colour, in smaller type if it would be wider than ``room`` pixels."""
        size = fitting(slot.text, slot.size, room / self.scale, slot.bold, self.theme.font)
        return replace(slot, size=size, color=self.theme.color(slot.color))


def _head(frame: _Frame, title: Slot, subtitle: Slot) -> tuple[Slot, ...]:
    slots: list[Slot] = []
    baseline = TOP
    for slot in (title, subtitle):
        if slot.text:
            above = rise(slot.text, slot.size, slot.bold, frame.theme.font)
            baseline += max(33.0, above + 13) if slots else above
            placed = replace(slot, x=frame.left, baseline=round(baseline * frame.scale))
            slots.append(frame.fitted(placed, frame.right - frame.left))
    return tuple(slots)


def _foot(frame: _Frame, texts: tuple[str, str]) -> tuple[TimeBar, tuple[Slot, ...]]:
    height = max(2, round(_BAR_HEIGHT * frame.scale))
    top = round(frame.size[1] - BOTTOM * frame.scale) - height
    bar = TimeBar(
        Rect(frame.left, top, frame.right - frame.left, height), frame.theme.color("blue"), frame.theme.color("faint")
    )
    y = round(top - _BAR_GAP * frame.scale)
    left = Slot(texts[0], frame.left, y, BAR_SIZE, "ink", bold=True, live=True)
    right = Slot(texts[1], frame.right, y, BAR_SIZE, "muted", align="right")
    room = (frame.right - frame.left) / 2 - 8 * frame.scale
    return bar, tuple(frame.fitted(slot, room) for slot in (left, right) if slot.text)


def _note(frame: _Frame, slot: Slot, bar: TimeBar | None) -> tuple[Slot, ...]:
    """Return the caption, above the bar's labels or, without a bar, in its place."""
    if not slot.text:
        return ()
    y = frame.size[1] - BOTTOM * frame.scale if bar is None else _labels_top(frame, bar) - _NOTE_GAP * frame.scale
    return (frame.fitted(replace(slot, x=frame.left, baseline=round(y)), frame.right - frame.left),)


def _labels_top(frame: _Frame, bar: TimeBar) -> float:
    """Return the row at which the bar's labels begin."""
    return bar.rect.top - (_BAR_GAP + rise("t", BAR_SIZE)) * frame.scale


def _room(frame: _Frame, head: Sequence[Slot], note: Sequence[Slot], bar: TimeBar | None) -> Room:
    scale, (width, height) = frame.scale, frame.size
    if head:
        above, top = head[-1].baseline + 9 * scale, head[-1].baseline + 24 * scale
    else:
        above, top = 0.0, TOP * scale
    if note or bar:
        text_top = _labels_top(frame, bar) if bar else float(height)
        for slot in note:
            text_top = slot.baseline - rise(slot.text, slot.size, False, frame.theme.font) * scale
        below, bottom = text_top - 8 * scale, text_top - 22 * scale
    else:
        below, bottom = height, height - TOP * scale
    stray = Rect(0, round(above), width, round(below) - round(above))
    return Room(frame.size, scale, frame.theme, (frame.left, frame.right), (top, bottom), stray)
