"""SVG: one still as vector graphics, sharp at any size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from .stills import Drawn

__all__ = ["Svg"]


class Svg(Drawn):
    """A still as SVG vector graphics."""

    format: ClassVar[Literal["svg", "pdf"]] = "svg"
    names: ClassVar[Mapping[str, str]] = {"title": "Title", "description": "Description", "rest": "Source"}
