"""PNG: one still, lossless."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from noisereel.contracts.geometry import Pixels
from noisereel.contracts.writer import Quality, WriterContext

from .stills import Still

__all__ = ["Png"]

_LEVELS: Mapping[Quality, int] = {"draft": 1, "standard": 6, "high": 9}


class Png(Still):
    """A still as PNG, RGB or RGBA, with its metadata as text chunks."""

    def save(self, content: Pixels, ctx: WriterContext) -> None:
        """Write the file."""
        text = PngInfo()
        for key, value in ctx.metadata.items():
            text.add_text(key, value)
        data = BytesIO()  # if Pillow writes the file itself, the cause of a failure is lost
        Image.fromarray(content).save(data, "PNG", compress_level=_LEVELS[ctx.quality], pnginfo=text)
        ctx.path.write_bytes(data.getbuffer())
