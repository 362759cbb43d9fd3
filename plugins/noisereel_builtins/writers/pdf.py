"""PDF: one still as lines and shapes with its type embedded, for papers and slides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Literal

from noisereel.canvas import vector
from noisereel.writer import Frame, OutputSpec, Sink, Writer

from .comment import to_comment

__all__ = ["Pdf"]


class Pdf(Writer):
    """Writes a drawing as a page of PDF; only images and colour bars are pixels in it."""

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
        metadata, names = self._spec.metadata, {"title": "Title", "description": "Subject"}
        known = {names[key]: metadata[key] for key in names if key in metadata}
        if metadata:
            known["Keywords"] = to_comment(metadata)
        vector.save(frame.content, self._spec.path, "pdf", known)
