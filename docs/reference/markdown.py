"""Markdown: tables, links to headings, and text from docstrings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

__all__ = ["code", "joined", "links", "plain", "table"]


def plain(text: str) -> str:
    """Return a docstring's text as one paragraph, with single backquotes around code."""
    return " ".join(text.replace("``", "`").split())


def code(text: str) -> str:
    """Return text as code."""
    return f"`{text}`"


def links(headings: Iterable[str]) -> list[str]:
    """Return links to all headings of a page, in their order, with GitHub's anchors: repeated ones are numbered."""
    found, seen = [], Counter[str]()
    for heading in headings:
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        number = f"-{seen[anchor]}" if seen[anchor] else ""
        seen[anchor] += 1
        found.append(f"[{heading}](#{anchor}{number})")
    return found


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; cells may contain bars."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def joined(parts: Iterable[str]) -> str:
    """Return the parts of a page, separated by blank lines."""
    return "\n\n".join(filter(None, (part.strip("\n") for part in parts))) + "\n"
