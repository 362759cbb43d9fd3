"""Markup: formulas between dollar signs, and dollar signs that are only text.

A formula neither begins nor ends with a space, and no digit follows it (as in pandoc): "$5 to $10" holds none. Text to
be drawn has a backslash before each dollar sign that belongs to no formula.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["doubtful_formula", "plain", "spans", "with_formulas"]

_FORMULA = re.compile(r"((?<!\\)\$(?![\s$])(?:\\.|[^$\\\n])*(?<!\s)\$(?!\d))")
_DOLLAR = re.compile(r"(?<!\\)\$")
_WORDS = re.compile(r"\$\d[\w\s.,:;-]*\s[A-Za-z]{2,}\s[\w\s.,:;-]*\$")


def plain(text: str) -> str:
    """Return text to be drawn as it is, such as a name: all its dollar signs are escaped."""
    return text.replace("$", r"\$")


def with_formulas(text: str) -> str:
    """Return text to be drawn with its formulas: all other dollar signs are escaped."""
    return "".join(part if is_formula else _escaped(part) for part, is_formula in spans(text))


def spans(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a text in order, and whether each is a formula, with its dollar signs."""
    for number, part in enumerate(_FORMULA.split(text)):
        if part:
            yield part, number % 2 == 1


def doubtful_formula(text: str) -> str | None:
    """Return a warning if a formula looks like prices, or None."""
    for part, is_formula in spans(text):
        if is_formula and _WORDS.fullmatch(part):
            return f"'{part}' is set as a formula; write '\\$' for a dollar sign"
    return None


def _escaped(text: str) -> str:
    return _DOLLAR.sub(r"\\$", text)
