"""PDF: one still as lines and shapes with its type embedded, for papers and slides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from .stills import Drawn

__all__ = ["Pdf"]


class Pdf(Drawn):
    """Writes a drawing as a page of PDF; only images and colour bars are pixels in it."""

    format: ClassVar[Literal["svg", "pdf"]] = "pdf"
    names: ClassVar[Mapping[str, str]] = {"title": "Title", "description": "Subject", "rest": "Keywords"}
