"""Printable text: text from files, plugins and options made safe for terminals."""

from __future__ import annotations

__all__ = ["LIMIT", "printable"]

LIMIT = 1_500
"""Most characters of a message; of a longer one, the start and the end are kept."""

_TAIL = 300


def printable(text: str, *, keep: str = "", limit: int = LIMIT) -> str:
    """Return a text with control, format and other invisible characters escaped, and cut to a length.

    Args:
        text: The text.
        keep: Characters to leave as they are, such as line breaks.
        limit: Most characters to return.
    """
    if len(text) > limit:
        text = f"{text[: limit - _TAIL - 1]}…{text[-_TAIL:]}"
    if text.isprintable():
        return text
    # Figure spaces pad live values. Other spaces look like plain ones, which hides why YAML or CSV rejects them.
    return "".join(c if c.isprintable() or c in keep or c == "\u2007" else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
