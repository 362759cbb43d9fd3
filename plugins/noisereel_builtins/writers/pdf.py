"""PDF: one still as vector graphics with embedded fonts, for papers and slides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from .stills import Drawn

__all__ = ["Pdf"]


class Pdf(Drawn):
    """A still as a page of PDF vector graphics; only images and colour bars are pixels."""

    format: ClassVar[Literal["svg", "pdf"]] = "pdf"
    names: ClassVar[Mapping[str, str]] = {"title": "Title", "description": "Subject", "rest": "Keywords"}
