"""SVG: one still as lines and shapes, sharp at any size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Literal

from noisereel.canvas import vector
from noisereel.writer import Frame, OutputSpec, Sink, Writer

from .comment import to_comment

__all__ = ["Svg"]


class Svg(Writer):
    """Writes a drawing as SVG."""

    takes: ClassVar[Literal["pixels", "drawing", "record"]] = "drawing"
    still: ClassVar[bool] = True

    @contextmanager
    def open(self, spec: OutputSpec) -> Iterator[Sink]:
        """Start a file."""
        yield _Sink(spec)


class _Sink:
    def __init__(self, spec: OutputSpec) -> None:
        self._spec = spec

    def write(self, frame: Frame) -> None:
        metadata = self._spec.metadata
        known = {key.title(): metadata[key] for key in ("title", "description") if key in metadata}
        if metadata:
            known["Source"] = to_comment(metadata)
        vector.save(frame.content, self._spec.path, "svg", known)
