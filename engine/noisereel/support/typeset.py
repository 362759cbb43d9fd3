"""How much room words take, in design pixels. One type family to a film, by default one that matplotlib brings."""

from __future__ import annotations

import re
from threading import RLock
from typing import NamedTuple

from matplotlib.cbook import is_math_text
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

__all__ = [
    "ASCENT",
    "DESCENT",
    "DPI",
    "MATPLOTLIB",
    "MIDDLE",
    "SANS",
    "Extent",
    "fault",
    "fitting",
    "font",
    "measure",
    "rise",
]

DPI = 100
"""Design pixels to an inch, of which type takes 72 points."""


ASCENT, MIDDLE, DESCENT = 0.76, 0.365, 0.24
"""Shares of the type size: tops of capitals and parentheses, half a capital, tails below the baseline."""

SANS = "DejaVu Sans"
"""The family where none is named."""

_MATHS = {"DejaVu Serif": "dejavuserif", "STIXGeneral": "stix"}
"""The family of formulas beside a family of words; DejaVu Sans beside all others."""


MATPLOTLIB = RLock()
"""Held while matplotlib works: its settings and its parser of formulas are the process's; writers are threads."""


class Extent(NamedTuple):
    """The room that a line of text takes, in design pixels."""

    width: float
    ascent: float
    descent: float


def font(size: float, bold: bool = False, family: str = SANS) -> FontProperties:
    """The properties of a type, whatever a user's matplotlibrc says.

    Args:
        size: In points.
        bold: Weight.
        family: Family.
    """
    weight = "bold" if bold else "normal"
    return FontProperties(
        family=[family] if family == SANS else [family, SANS],  # the second for letters that the first lacks
        size=size,
        weight=weight,
        style="normal",
        variant="normal",
        stretch="normal",
        math_fontfamily=_MATHS.get(family, "dejavusans"),
    )


def measure(text: str, size: float, bold: bool = False, family: str = SANS) -> Extent:
    """The room that one line of text takes, unhinted, so at every scale and in vector outputs too.

    Args:
        text: The line; mathtext between dollar signs.
        size: In points at 720 lines.
        bold: Weight.
        family: Family.
    """
    if not text:
        return Extent(0.0, 0.0, 0.0)
    math = is_math_text(text)
    words = text if math else text.replace(r"\$", "$")
    with MATPLOTLIB:
        width, height, descent = TextToPath().get_text_width_height_descent(words, font(size, bold, family), math)
    unit = DPI / 72
    return Extent(float(width) * unit, float(height - descent) * unit, float(descent) * unit)


def fault(text: str) -> str | None:
    """Why the formulas of a line cannot be set, or None."""
    try:
        measure(text, 10.0)
    except ValueError as error:
        reason = str(error).strip().splitlines()[-1]
        reason = re.sub(r"^\w+: |\s*\(at char.*", "", reason)
        return f"a formula cannot be set: {reason[:1].lower()}{reason[1:]}"
    return None


def rise(text: str, size: float, bold: bool = False, family: str = SANS) -> float:
    """How far a line reaches above its baseline in design pixels; the same for all plain text, to stand even.

    Args:
        text: The line.
        size: In points at 720 lines.
        bold: Weight.
        family: Family.
    """
    return max(ASCENT * size * DPI / 72, measure(text, size, bold, family).ascent if is_math_text(text) else 0.0)


def fitting(text: str, size: float, room: float, bold: bool = False, family: str = SANS) -> float:
    """The type size, at most ``size``, at which a line takes no more than ``room``; not below a point.

    Args:
        text: The line.
        size: In points at 720 lines.
        room: In design pixels.
        bold: Weight.
        family: Family.
    """
    width = measure(text, size, bold, family).width
    # A little less, for a canvas may set characters at whole pixels.
    return size if width <= room else max(1.0, size * 0.96 * room / width)
