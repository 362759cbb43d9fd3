"""Where the words of a text mark stand."""

from __future__ import annotations

from ..figure import View
from ..marks import Text
from ..typeset import DPI, SANS, measure

__all__ = ["ASCENT", "DESCENT", "MIDDLE", "anchored"]

ASCENT, MIDDLE, DESCENT = 0.76, 0.365, 0.24
"""Shares of the type size: tops of capitals and parentheses, half a capital, tails below the baseline."""


def anchored(mark: Text, view: View, family: str = SANS) -> tuple[float, float]:
    """The left end of a text's baseline in frame pixels, moved where needed so that the words stay inside the panel.

    The height depends on the type size alone (formulas may be taller), so that changing words stand still.

    Args:
        mark: The text.
        view: The panel's limits and pixels.
        family: Of the type.
    """
    em = mark.size * DPI / 72
    extent = measure(mark.text, mark.size, mark.bold, family)
    above, below = max(ASCENT * em, extent.ascent), max(DESCENT * em, extent.descent)
    across, up = mark.anchor
    left = {"left": 0.0, "center": -extent.width / 2, "right": -extent.width}[across]
    down = {"bottom": -below, "center": MIDDLE * em, "top": above}[up]
    x = view.rect.left + (mark.xy[0] - view.x[0]) / (view.x[1] - view.x[0]) * view.rect.width
    y = view.rect.top + (view.y[1] - mark.xy[1]) / (view.y[1] - view.y[0]) * view.rect.height
    x += (mark.offset[0] + left) * view.scale
    y += (down - mark.offset[1]) * view.scale
    x = max(min(x, view.rect.right - extent.width * view.scale), view.rect.left)
    return x, max(min(y, view.rect.bottom - below * view.scale), view.rect.top + above * view.scale)
