"""Numbers as text, for everything that a film shows."""

from __future__ import annotations

import re
from numbers import Integral
from typing import SupportsFloat

__all__ = ["number_text"]

_SPEC = re.compile(r"(?P<head>(?:.?[<>=^])?[-+ ]?)z?(?P<tail>.*?)(?P<kind>[a-zA-Z%]?)", re.DOTALL)


def number_text(value: SupportsFloat, spec: str = "") -> str:
    """Return a finite number as text, with a true minus sign and without a negative zero.

    Args:
        value: The number; it is rounded for the formats of whole numbers.
        spec: Format spec as in Python.

    Raises:
        ValueError: The spec is not one for numbers.
    """
    parts = _SPEC.fullmatch(spec)
    assert parts is not None, "the pattern matches any text"
    head, tail, kind = parts.group("head", "tail", "kind")
    if kind and kind in "bdoxX":
        value = round(float(value))
    elif kind or not isinstance(value, Integral):
        head += "z"  # -0.001 with '.0f' is '0', not '-0'
    return format(value, head + tail + kind).replace("-", "\N{MINUS SIGN}")
