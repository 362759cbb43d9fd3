"""How much room words take, in design pixels. One type family, DejaVu Sans, which comes with matplotlib."""

from __future__ import annotations

from typing import NamedTuple

from matplotlib.cbook import is_math_text
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

__all__ = ["DPI", "Extent", "fitting", "font", "measure", "rise"]

DPI = 100
"""Design pixels to an inch, of which type takes 72 points."""


class Extent(NamedTuple):
    """The room that a line of text takes, in design pixels."""

    width: float
    ascent: float
    descent: float


def font(size: float, bold: bool = False, family: str = "DejaVu Sans") -> FontProperties:
    """The properties of a type, whatever a user's matplotlibrc says.

    Args:
        size: In points.
        bold: Weight.
        family: Family.
    """
    weight = "bold" if bold else "normal"
    return FontProperties(
        family=[family],
        size=size,
        weight=weight,
        style="normal",
        variant="normal",
        stretch="normal",
        math_fontfamily="dejavusans",
    )


def measure(text: str, size: float, bold: bool = False) -> Extent:
    """The room that one line of text takes, unhinted, so at every scale and in vector outputs too.

    Args:
        text: The line; mathtext between dollar signs.
        size: In points at 720 lines.
        bold: Weight.
    """
    if not text:
        return Extent(0.0, 0.0, 0.0)
    math = is_math_text(text)
    words = text if math else text.replace(r"\$", "$")
    width, height, descent = TextToPath().get_text_width_height_descent(words, font(size, bold), math)
    unit = DPI / 72
    return Extent(float(width) * unit, float(height - descent) * unit, float(descent) * unit)


def rise(text: str, size: float, bold: bool = False) -> float:
    """How far a line reaches above its baseline in design pixels; the same for all plain text, to stand even.

    Args:
        text: The line.
        size: In points at 720 lines.
        bold: Weight.
    """
    return max(0.76 * size * DPI / 72, measure(text, size, bold).ascent if is_math_text(text) else 0.0)


def fitting(text: str, size: float, room: float, bold: bool = False) -> float:
    """The type size, at most ``size``, at which a line takes no more than ``room``; not below a point.

    Args:
        text: The line.
        size: In points at 720 lines.
        room: In design pixels.
        bold: Weight.
    """
    width = measure(text, size, bold).width
    # A little less, for a canvas may set characters at whole pixels.
    return size if width <= room else max(1.0, size * 0.96 * room / width)
