"""What stands above a panel's data: title, name of the y axis, key; below, the name of the x axis and the caption."""

from __future__ import annotations

from collections.abc import Sequence

from ..contracts.figure import Slot
from ..contracts.guides import Guide
from ..contracts.theme import Theme
from ..support.typeset import fitting, measure, rise
from .axis import LABEL_GAP, LABEL_SIZE, LINE, footer
from .legend import KEY_SIZE, Word, key_parts, key_scale, key_width
from .plan import PanelPlan, Placed

__all__ = ["BLEED", "HEADER", "caption_room", "captions", "crowded", "header"]

TITLE_SIZE = 13.0
"""Type size of panel titles in points."""

HEADER = 12.0
"""From the lowest line above a panel's data down to the data, in design pixels, as all below."""

BLEED = 8.0
"""How far beyond their data graphs may be drawn: half a dot with its ring, a line's width."""

LEGIBLE = 9.0
"""Type of fewer points is hard to read in a film."""

_CAPTION_SIZE, _CAPTION_GAP = 11.0, 11.0
_STACK = 19.0
_WORD_GAP = 10.0
_LEAST = 16.0


def crowded(plan: PanelPlan, width: float, theme: Theme) -> bool:
    """Whether a title and what else stands above data so wide need two lines."""
    title = measure(plan.title.text, TITLE_SIZE, True, theme.font).width
    beside = _label_width(plan, theme) + _key_width(plan.guides, width, theme)
    return title > 0 and beside > 0 and title + beside > width


def header(plan: PanelPlan, theme: Theme, stacked: bool) -> float:
    """Room above the data: one line or, stacked, two; without any, half a tick label."""
    title, beside = (
        rise(plan.title.text, TITLE_SIZE, True, theme.font) if plan.title.text else 0.0,
        _beside_rise(plan, theme),
    )
    if title and stacked:
        return title + _lift(plan, theme, stacked)
    if title or beside:
        return max(title, beside) + HEADER
    return BLEED + 1 if plan.has_axes else 0.0


def caption_room(plan: PanelPlan, theme: Theme) -> float:
    """Room for the caption below the data and its labels; 0 without."""
    if not plan.caption.text:
        return 0.0
    descent = measure(plan.caption.text, _CAPTION_SIZE, False, theme.font).descent
    return _CAPTION_GAP + rise(plan.caption.text, _CAPTION_SIZE, False, theme.font) + max(4.0, descent)


def captions(plans: Sequence[PanelPlan], placed: Sequence[Placed]) -> tuple[Slot, ...]:
    """Titles, above the upper left corners of the data; the captions below; the axes' names.

    Titles are of one size in the grid, and of one in insets, but for those too long for legible type.

    Args:
        plans: The panels before they were placed.
        placed: The panels placed.
    """
    pairs = [*zip(plans, placed, strict=True)]
    fits = [(plan.inset is None, _title_size(plan, each)) for plan, each in pairs]
    common = {
        kind: _common(
            [size for (each, size), plan in zip(fits, plans, strict=True) if plan.title.text and each is kind]
        )
        for kind in (True, False)
    }
    titles = [_title(*pair, min(size, common[kind])) for pair, (kind, size) in zip(pairs, fits, strict=True)]
    names = [name for each, title in zip(placed, titles, strict=True) for name in _axis_names(each, title)]
    return tuple(slot for slot in (*titles, *_captions(plans, placed), *names) if slot.text)


def _captions(plans: Sequence[PanelPlan], placed: Sequence[Placed]) -> list[Slot]:
    """Captions, sized as titles are; where data end on one line, their captions stand on one line, too."""
    sizes, depth = list[float](), dict[int, float]()
    for plan, each in zip(plans, placed, strict=True):
        family, bottom = each.panel.theme.font, each.panel.view.rect.bottom
        sizes.append(fitting(plan.caption.text, _CAPTION_SIZE, each.room, False, family))
        if plan.caption.text:
            down = footer(plan) + _CAPTION_GAP + rise(plan.caption.text, _CAPTION_SIZE, False, family)
            depth[bottom] = max(depth.get(bottom, 0.0), down)
    slots, common = [], _common([size for plan, size in zip(plans, sizes, strict=True) if plan.caption.text])
    for plan, each, size in zip(plans, placed, sizes, strict=True):
        view, ink = each.panel.view, each.panel.theme.color("muted")
        y = round(view.rect.bottom + depth.get(view.rect.bottom, 0.0) * view.scale)
        slots.append(Slot(plan.caption.text, view.rect.left, y, min(size, common), ink, live=plan.caption.live))
    return slots


def _common(sizes: Sequence[float]) -> float:
    """The size at which lines fit their rooms; one that only fits in type too small to read is left to itself."""
    least, most = min(sizes, default=LEGIBLE), max(sizes, default=LEGIBLE)
    return least if most < LEGIBLE else max(least, LEGIBLE)


def _lift(plan: PanelPlan, theme: Theme, stacked: bool) -> float:
    """From a title's baseline down to the data."""
    return HEADER + (max(_STACK, _beside_rise(plan, theme) + 7) if stacked else 0.0)


def _beside_rise(plan: PanelPlan, theme: Theme) -> float:
    """How far y label and key reach up; 0 without."""
    key = [
        rise(part.text, KEY_SIZE, False, theme.font) for part in key_parts(plan.guides, theme) if isinstance(part, Word)
    ]
    return max([rise(plan.y_label, LABEL_SIZE, False, theme.font), *key]) if plan.y_label else max(key, default=0.0)


def _label_width(plan: PanelPlan, theme: Theme) -> float:
    """Room for the y axis' name beside a title."""
    return measure(plan.y_label, LABEL_SIZE, False, theme.font).width + _WORD_GAP if plan.y_label else 0.0


def _key_width(guides: Sequence[Guide], width: float, theme: Theme) -> float:
    """Room for a key beside a title."""
    parts = key_parts(guides, theme)
    return key_width(parts) * key_scale(parts, width) + _WORD_GAP if parts else 0.0


def _title_size(plan: PanelPlan, placed: Placed) -> float:
    """The type size at which a title ends before what else stands on its line."""
    width, theme = placed.panel.view.size[0], placed.panel.theme
    beside = 0.0 if placed.stacked else _label_width(plan, theme) + _key_width(plan.guides, width, theme)
    return fitting(
        plan.title.text, TITLE_SIZE, max(_LEAST, width - beside if beside else placed.room), True, theme.font
    )


def _title(plan: PanelPlan, placed: Placed, size: float) -> Slot:
    view, theme = placed.panel.view, placed.panel.theme
    y = round(view.rect.top - _lift(plan, theme, placed.stacked) * view.scale)
    return Slot(plan.title.text, view.rect.left, y, size, theme.color("ink"), bold=True, live=plan.title.live)


def _axis_names(placed: Placed, title: Slot) -> tuple[Slot, Slot]:
    """y's beside the title or below it, x's below the right end of its labels."""
    panel = placed.panel
    view, theme, (width, _) = panel.view, panel.theme, panel.view.size
    beside = title.text and not placed.stacked
    indent = measure(title.text, title.size, True, theme.font).width + _WORD_GAP if beside else 0.0
    free = max(_LEAST, width - indent - _key_width(panel.guides, width, theme))
    above = round(view.rect.top - HEADER * view.scale)
    below = round(view.rect.bottom + (LABEL_GAP + rise("0", LABEL_SIZE) + LINE) * view.scale)
    y_size = fitting(panel.y_label, LABEL_SIZE, free, False, theme.font)
    x_size = fitting(panel.x_label, LABEL_SIZE, width, False, theme.font)
    muted = theme.color("muted")
    return (
        Slot(panel.y_label, round(view.rect.left + indent * view.scale), above, y_size, muted),
        Slot(panel.x_label, view.rect.right, below, x_size, muted, align="right"),
    )
