"""Still parts of a figure: background, axes, labels and titles, drawn once per film by matplotlib, to the pixel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Page
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from ..contracts.figure import HAIRLINE, Figure, Panel, Slot
from ..contracts.geometry import Pixels, Rect
from ..contracts.theme import Theme, rgb
from ..layout.axis import LABEL_GAP, LABEL_SIZE, x_ticks, y_ticks
from ..layout.captions import HEADER
from ..layout.legend import KEY_SIZE, Ramp, key_parts, key_scale, key_width
from ..support.typeset import MATPLOTLIB, font, measure

__all__ = ["POINT", "build", "fill", "paint_backdrop", "rendering", "write"]

POINT = 0.72
"""Points in a design pixel: matplotlib measures in points, and a frame of 720 lines has 100 dpi."""

_ABOVE_GROUND = 2
"""Z-order of axes above the ground of an inset, which matplotlib paints at 1, and below text, at 3."""

_RC: dict[str, Any] = {
    "svg.fonttype": "path",
    "svg.hashsalt": "noisereel",
    "pdf.fonttype": 42,
    "image.composite_image": False,
    "text.hinting": "no_hinting",
    "path.simplify": False,
    "lines.scale_dashes": False,
}


@contextmanager
def rendering() -> Iterator[None]:
    """Apply matplotlib's defaults and our settings instead of the user's matplotlibrc; one thread at a time."""
    with MATPLOTLIB, matplotlib.style.context(_RC, after_reset=True):
        yield


def build(figure: Figure, color: str | None = None) -> Page:
    """Draw the still parts except the panels' backdrop marks; the first axes are the panels', in order.

    Args:
        figure: The figure.
        color: Background; if None, the theme's, or none for a transparent figure.
    """
    with rendering():
        width, height = figure.size
        dpi = 100 * figure.scale
        # matplotlib truncates inches × dpi: add a millionth of a pixel.
        page = Page(figsize=((width + 1e-6) / dpi, (height + 1e-6) / dpi), dpi=dpi)
        FigureCanvasAgg(page)
        page.patch.set_facecolor(color or ("none" if figure.transparent else figure.theme.color("background")))
        for panel in figure.panels:
            if panel.ground:
                fill(page, figure, panel.ground, figure.theme.color("faint"))
                fill(page, figure, panel.ground.without(HAIRLINE * figure.scale), figure.theme.color("background"))
            _axes(page, figure, panel)
        for panel in figure.panels:
            _key(page, figure, panel)
        for slot in figure.slots:
            if not slot.live:
                write(page, figure, slot)
        if figure.bar:
            fill(page, figure, figure.bar.rect, figure.bar.track)
    return page


def paint_backdrop(figure: Figure, color: str | None = None) -> Pixels:
    """Paint the still part of every frame, shape (H, W, 3): no marks, no live text, an empty time bar.

    Args:
        figure: The figure.
        color: Background; the theme's if None.
    """
    page = build(figure, color or figure.theme.color("background"))
    canvas = page.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    with rendering():
        canvas.draw()  # type: ignore[no-untyped-call]
    pixels: Pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    return np.ascontiguousarray(pixels[..., :3])


def write(page: Page, figure: Figure, slot: Slot, words: str | None = None) -> Text:
    """Write a slot's text, or other text in its place."""
    width, height = figure.size
    text = slot.text if words is None else words
    return page.text(
        slot.x / width,
        1 - slot.baseline / height,
        text,
        color=slot.color,
        ha=slot.align,
        va="baseline",
        fontproperties=font(slot.size, slot.bold, figure.theme.font, text),
    )


def fill(page: Page, figure: Figure, rect: Rect, color: str, share: float = 1.0) -> None:
    """Fill the left share of a rectangle."""
    left, bottom, width, height = _fractions(rect, figure.size)
    page.add_artist(
        Rectangle((left, bottom), width * share, height, transform=page.transFigure, facecolor=color, linewidth=0)
    )


def _fractions(rect: Rect, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return a rectangle as matplotlib expects it: (left, bottom, width, height) as shares of the figure."""
    width, height = size
    return rect.left / width, 1 - rect.bottom / height, rect.width / width, rect.height / height


def _axes(page: Page, figure: Figure, panel: Panel) -> Axes:
    view = panel.view
    axes = page.add_axes(_fractions(view.rect, figure.size), zorder=_ABOVE_GROUND if panel.ground else 0)
    axes.patch.set_visible(False)
    axes.set_xlim(*view.x)
    axes.set_ylim(*view.y)
    if panel.space in ("graph", "time"):
        _style_graph(axes, panel, figure.theme)
    else:
        axes.set_axis_off()
    return axes


def _style_graph(axes: Axes, panel: Panel, theme: Theme) -> None:
    """Style the axes of a graph: a bottom line, hairlines behind the data, labels without tick marks."""
    view, (width, height) = panel.view, panel.view.size
    across, up = x_ticks(view.x, width, theme.font), y_ticks(view.y, height)
    properties = font(LABEL_SIZE, family=theme.font)
    axes.set_xticks(across.values, across.labels, fontproperties=properties)
    axes.set_yticks(up.values, up.labels, fontproperties=properties)
    axes.tick_params(length=0, pad=LABEL_GAP * POINT, labelcolor=theme.color("muted"))
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.spines["bottom"].set(color=_between(theme, 0.25), linewidth=POINT)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=theme.color("faint"), linewidth=POINT, linestyle="solid")


def _between(theme: Theme, share: float) -> str:
    """Return a colour between faint and muted."""
    low, high = np.array(rgb(theme.color("faint"))), np.array(rgb(theme.color("muted")))
    return "#{:02X}{:02X}{:02X}".format(*np.rint(low + share * (high - low)).astype(int))


def _key(page: Page, figure: Figure, panel: Panel) -> None:
    """Draw legends and colour bars at the right end of the line above the data."""
    rect, scale = panel.view.rect, figure.scale
    parts = key_parts(panel.guides, figure.theme)
    shrink = key_scale(parts, rect.width / scale)
    x, baseline = rect.left + rect.width - key_width(parts) * shrink * scale, round(rect.top - HEADER * scale)
    for part in parts:
        x += part.width * shrink * scale
        if isinstance(part, Ramp):
            _ramp(page, figure, part, Rect(*_ramp_box(x, baseline, part.width * shrink * scale, scale)))
        else:
            slot = Slot(part.text, x, baseline, KEY_SIZE * shrink, part.color, align="right")
            write(page, figure, slot)
        x += part.space * shrink * scale


def _ramp_box(right: float, baseline: float, width: float, scale: float) -> tuple[int, int, int, int]:
    height = max(2, round(6 * scale))
    middle = baseline - 0.5 * measure("0", KEY_SIZE).ascent * scale
    return round(right - width), round(middle - height / 2), max(1, round(width)), height


def _ramp(page: Page, figure: Figure, ramp: Ramp, rect: Rect) -> None:
    axes = page.add_axes(_fractions(rect, figure.size), zorder=_ABOVE_GROUND)
    axes.imshow(ramp.palette[None], aspect="auto", interpolation="bilinear")
    axes.set_axis_off()
