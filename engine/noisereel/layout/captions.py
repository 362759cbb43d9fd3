"""Text around a panel's data: title, y label and key above; x label and caption below."""

from __future__ import annotations

from collections.abc import Sequence

from ..contracts.figure import Slot
from ..contracts.guides import Guide
from ..contracts.theme import Theme
from ..support.typeset import fitting, measure, rise
from .axis import LABEL_SIZE, footer, lowest
from .legend import KEY_SIZE, Word, key_parts, key_scale, key_width
from .plan import PanelPlan, Placed

__all__ = ["BLEED", "HEADER", "caption_room", "captions", "crowded", "header"]

TITLE_SIZE = 13.0
"""Type size of panel titles in points."""

HEADER = 12.0
"""Distance from the lowest baseline above a panel's data to the data, in design pixels (like all lengths below)."""

BLEED = 8.0
"""Margin around a graph's data in which its marks may be drawn: half a dot with its ring, a line's width."""

LEGIBLE = 9.0
"""Smallest type size in points that is easy to read in a film."""

_CAPTION_SIZE, _CAPTION_GAP = 11.0, 11.0
_STACK = 19.0
_WORD_GAP = 10.0
_MIN_ROOM = 16.0


def crowded(plan: PanelPlan, width: float, theme: Theme) -> bool:
    """Return whether the title, the y label and the key need two lines above data of this width."""
    title = measure(plan.title.text, TITLE_SIZE, True, theme.font).width
    others = _label_width(plan, theme) + _key_width(plan.guides, width, theme)
    return title > 0 and others > 0 and title + others > width


def header(plan: PanelPlan, theme: Theme, stacked: bool) -> float:
    """Return the room above the data: for one line or, if stacked, two; for half a tick label if there is no text."""
    title = rise(plan.title.text, TITLE_SIZE, True, theme.font) if plan.title.text else 0.0
    others = _label_rise(plan, theme)
    if title and stacked:
        return title + _lift(plan, theme, stacked)
    if title or others:
        return max(title, others) + HEADER
    return BLEED + 1 if plan.has_axes else 0.0


def caption_room(plan: PanelPlan, theme: Theme) -> float:
    """Return the room for the caption below the data and its labels; 0 without a caption."""
    if not plan.caption.text:
        return 0.0
    descent = measure(plan.caption.text, _CAPTION_SIZE, False, theme.font).descent
    return _CAPTION_GAP + rise(plan.caption.text, _CAPTION_SIZE, False, theme.font) + max(4.0, descent)


def captions(plans: Sequence[PanelPlan], placed: Sequence[Placed]) -> tuple[Slot, ...]:
    """Return the non-empty slots of all panels: titles, captions and axis labels.

    Titles are above the upper left corner of the data. All titles on the grid have one size and all titles of insets
    another; only a title that would have to be illegibly small to fit has its own.

    Args:
        plans: The panels before they were placed.
        placed: The same panels in their places.
    """
    pairs = [*zip(plans, placed, strict=True)]
    fits = [(plan.inset is None, _title_size(plan, placement)) for plan, placement in pairs]
    common = {
        on_grid: _common(
            [size for (kind, size), plan in zip(fits, plans, strict=True) if plan.title.text and kind is on_grid]
        )
        for on_grid in (True, False)
    }
    titles = [_title(*pair, min(size, common[on_grid])) for pair, (on_grid, size) in zip(pairs, fits, strict=True)]
    labels = [label for pair in zip(plans, placed, titles, strict=True) for label in _axis_labels(*pair)]
    return tuple(slot for slot in (*titles, *_captions(plans, placed), *labels) if slot.text)


def _captions(plans: Sequence[PanelPlan], placed: Sequence[Placed]) -> list[Slot]:
    """Return the captions, sized like titles; panels whose data end at the same row share a baseline."""
    sizes, depth = list[float](), dict[int, float]()
    for plan, placement in zip(plans, placed, strict=True):
        family, bottom = placement.panel.theme.font, placement.panel.view.rect.bottom
        sizes.append(fitting(plan.caption.text, _CAPTION_SIZE, placement.room, False, family))
        if plan.caption.text:
            down = footer(plan) + _CAPTION_GAP + rise(plan.caption.text, _CAPTION_SIZE, False, family)
            depth[bottom] = max(depth.get(bottom, 0.0), down)
    slots, common = [], _common([size for plan, size in zip(plans, sizes, strict=True) if plan.caption.text])
    for plan, placement, size in zip(plans, placed, sizes, strict=True):
        view, ink = placement.panel.view, placement.panel.theme.color("muted")
        y = round(view.rect.bottom + depth.get(view.rect.bottom, 0.0) * view.scale)
        slots.append(Slot(plan.caption.text, view.rect.left, y, min(size, common), ink, live=plan.caption.live))
    return slots


def _common(sizes: Sequence[float]) -> float:
    """Return the smallest of the sizes, but at least the smallest legible one unless all are illegible."""
    least, most = min(sizes, default=LEGIBLE), max(sizes, default=LEGIBLE)
    return least if most < LEGIBLE else max(least, LEGIBLE)


def _lift(plan: PanelPlan, theme: Theme, stacked: bool) -> float:
    """Return the distance from a title's baseline to the data."""
    return HEADER + (max(_STACK, _label_rise(plan, theme) + 7) if stacked else 0.0)


def _label_rise(plan: PanelPlan, theme: Theme) -> float:
    """Return how far the y label and the key rise above their baseline; 0 without either."""
    rises = [
        rise(part.text, KEY_SIZE, False, theme.font) for part in key_parts(plan.guides, theme) if isinstance(part, Word)
    ]
    return max([rise(plan.y_label, LABEL_SIZE, False, theme.font), *rises]) if plan.y_label else max(rises, default=0.0)


def _label_width(plan: PanelPlan, theme: Theme) -> float:
    """Return the room for the y label next to a title."""
    return measure(plan.y_label, LABEL_SIZE, False, theme.font).width + _WORD_GAP if plan.y_label else 0.0


def _key_width(guides: Sequence[Guide], width: float, theme: Theme) -> float:
    """Return the room for a key next to a title."""
    parts = key_parts(guides, theme)
    return key_width(parts) * key_scale(parts, width) + _WORD_GAP if parts else 0.0


def _title_size(plan: PanelPlan, placed: Placed) -> float:
    """Return the type size at which a title ends before the y label and the key on its line."""
    width, theme = placed.panel.view.size[0], placed.panel.theme
    others = 0.0 if placed.stacked else _label_width(plan, theme) + _key_width(plan.guides, width, theme)
    room = max(_MIN_ROOM, width - others if others else placed.room)
    return fitting(plan.title.text, TITLE_SIZE, room, True, theme.font)


def _title(plan: PanelPlan, placed: Placed, size: float) -> Slot:
    view, theme = placed.panel.view, placed.panel.theme
    y = round(view.rect.top - _lift(plan, theme, placed.stacked) * view.scale)
    return Slot(plan.title.text, view.rect.left, y, size, theme.color("ink"), bold=True, live=plan.title.live)


def _axis_labels(plan: PanelPlan, placed: Placed, title: Slot) -> tuple[Slot, Slot]:
    """Return the y label, next to the title or below it, and the x label, at the right below all numbers."""
    panel = placed.panel
    view, theme, (width, _) = panel.view, panel.theme, panel.view.size
    follows_title = title.text and not placed.stacked
    indent = measure(title.text, title.size, True, theme.font).width + _WORD_GAP if follows_title else 0.0
    free = max(_MIN_ROOM, width - indent - _key_width(panel.guides, width, theme))
    above = round(view.rect.top - HEADER * view.scale)
    below = round(view.rect.bottom + lowest(plan) * view.scale)
    y_size = fitting(panel.y_label, LABEL_SIZE, free, False, theme.font)
    x_size = fitting(panel.x_label, LABEL_SIZE, width, False, theme.font)
    muted = theme.color("muted")
    return (
        Slot(panel.y_label, round(view.rect.left + indent * view.scale), above, y_size, muted),
        Slot(panel.x_label, view.rect.right, below, x_size, muted, align="right"),
    )
