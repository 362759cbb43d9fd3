"""Typesetting: the room that text takes, in design pixels. A film has one type family, by default matplotlib's."""

from __future__ import annotations

import re
from threading import RLock
from typing import NamedTuple

from matplotlib.cbook import is_math_text
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from .errors import first_line
from .fonts import SANS, families

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
"""Design pixels per inch; type sizes are in points, 72 per inch."""


ASCENT, MIDDLE, DESCENT = 0.76, 0.365, 0.24
"""Shares of the type size: height of capitals and parentheses, half the height of a capital, depth of descenders."""

_MATHS = {"DejaVu Serif": "dejavuserif", "STIXGeneral": "stix"}
"""The family of formulas for a family of text; DejaVu Sans for all others."""


MATPLOTLIB = RLock()
"""Lock held while matplotlib works: all threads, such as those of writers, share its settings and formula parser."""


class Extent(NamedTuple):
    """The room that a line of text takes, in design pixels."""

    width: float
    ascent: float
    descent: float


def font(size: float, bold: bool = False, family: str = SANS, text: str = "") -> FontProperties:
    """Return the properties of a font, independent of the user's matplotlibrc.

    Args:
        size: Type size in points.
        bold: Weight.
        family: Family.
        text: Text to set, for the fonts of letters that the family lacks.
    """
    weight = "bold" if bold else "normal"
    return FontProperties(
        family=families(text, family),
        size=size,
        weight=weight,
        style="normal",
        variant="normal",
        stretch="normal",
        math_fontfamily=_MATHS.get(family, "dejavusans"),
    )


def measure(text: str, size: float, bold: bool = False, family: str = SANS) -> Extent:
    """Return the room that one line of text takes, unhinted: the same at every scale and in vector formats.

    Args:
        text: The line; mathtext between dollar signs.
        size: Type size in points at 720 lines.
        bold: Weight.
        family: Family.
    """
    if not text:
        return Extent(0.0, 0.0, 0.0)
    math = is_math_text(text)
    words = text if math else text.replace(r"\$", "$")
    with MATPLOTLIB:
        width, height, descent = TextToPath().get_text_width_height_descent(
            words, font(size, bold, family, words), math
        )
    unit = DPI / 72
    return Extent(float(width) * unit, float(height - descent) * unit, float(descent) * unit)


MAX_LINE, MAX_FORMULA, MAX_DEPTH = 2_000, 500, 12
"""Limits: characters of a line, characters of its formulas, and depth of commands and braces in them.

matplotlib's parser is recursive, and takes time exponential in the depth of some commands."""

_LONG_SPACE = re.compile(r"\\hspace\s*\{\s*([^{}]*)\}")


def _excess(text: str) -> str | None:
    """Return the reason why a line is not even tried, or None."""
    if len(text) > MAX_LINE:
        return f"a line of {len(text):,} characters is too long: at most {MAX_LINE:,}"
    formulas = re.split(r"(?<!\\)\$", text)[1::2]
    length = sum(map(len, formulas))
    if length > MAX_FORMULA:
        return f"a formula of {length:,} characters is too long: at most {MAX_FORMULA:,}"
    if any(_depth(formula) > MAX_DEPTH for formula in formulas):
        return f"a formula is nested too deeply: at most {MAX_DEPTH} levels"
    spaces = [space for formula in formulas for space in _LONG_SPACE.findall(formula)]
    return next((f"\\hspace{{{space}}} is too wide: at most 20" for space in spaces if not _is_short(space)), None)


def _depth(formula: str) -> int:
    """Return the number of groups that are open at once, or of one command repeated without braces."""
    deepest = depth = 0
    for token in re.findall(r"\\left\b|\\right\b|\\.|[{}]", formula):
        depth += (token in ("{", r"\left")) - (token in ("}", r"\right"))
        deepest = max(deepest, depth)
    return max([deepest, *(len(m[0]) // len(m[1]) for m in re.finditer(r"(\\[a-zA-Z]+\s*)\1+", formula))])


def _is_short(space: str) -> bool:
    try:
        return abs(float(space)) <= 20
    except ValueError:
        return True  # the parser reports it


def fault(text: str) -> str | None:
    """Return the reason why the formulas of a line cannot be typeset, or None."""
    if (reason := _excess(text)) is not None:
        return reason
    try:
        measure(text, 10.0)
    except ValueError as error:
        reason = str(error).strip().splitlines()[-1]
        reason = re.sub(r"^\w+: |\s*\(at char.*", "", reason)
        return f"a formula cannot be typeset: {reason[:1].lower()}{reason[1:]}"
    except (ArithmeticError, AttributeError, LookupError, RecursionError, RuntimeError, TypeError) as error:
        return f"a formula cannot be typeset: {first_line(error)}"  # faults of matplotlib's parser
    return None


def rise(text: str, size: float, bold: bool = False, family: str = SANS) -> float:
    """Return the height of a line above its baseline in design pixels, the same for all plain text so that lines align.

    Args:
        text: The line.
        size: Type size in points at 720 lines.
        bold: Weight.
        family: Family.
    """
    return max(ASCENT * size * DPI / 72, measure(text, size, bold, family).ascent if is_math_text(text) else 0.0)


def fitting(text: str, size: float, room: float, bold: bool = False, family: str = SANS) -> float:
    """Return the type size, at most ``size``, at which a line fits into ``room``; at least one point.

    Args:
        text: The line.
        size: Type size in points at 720 lines.
        room: Width in design pixels.
        bold: Weight.
        family: Family.
    """
    width = measure(text, size, bold, family).width
    # A little less, because a canvas may place characters at whole pixels.
    return size if width <= room else max(1.0, size * 0.96 * room / width)
