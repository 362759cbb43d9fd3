"""PNG: one still, without loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import ClassVar

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from noisereel.writer import Frame, OutputSpec, Quality, Sink, Writer

__all__ = ["Png"]

_LEVELS: Mapping[Quality, int] = {"draft": 1, "standard": 6, "high": 9}


class Png(Writer):
    """Writes a picture as PNG, RGB or RGBA, with its metadata as text chunks."""

    still: ClassVar[bool] = True

    @contextmanager
    def open(self, spec: OutputSpec) -> Iterator[Sink]:
        """Start a file."""
        yield _Sink(spec)


class _Sink:
    def __init__(self, spec: OutputSpec) -> None:
        self._spec = spec

    def write(self, frame: Frame) -> None:
        text = PngInfo()
        for key, value in self._spec.metadata.items():
            text.add_text(key, value)
        data = BytesIO()  # Pillow's own way into a file forgets why it failed
        Image.fromarray(frame.content).save(data, "PNG", compress_level=_LEVELS[self._spec.quality], pnginfo=text)
        self._spec.path.write_bytes(data.getbuffer())
