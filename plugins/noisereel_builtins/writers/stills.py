"""Base classes of writers for single pictures: the file is written with its only frame."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from noisereel.canvas import vector
from noisereel.contracts.writer import Frame, Sink, Writer, WriterContext

from .comment import to_comment

__all__ = ["Drawn", "Still"]


class Still(Writer):
    """A writer of one picture per file."""

    still: ClassVar[bool] = True

    @contextmanager
    def open(self, ctx: WriterContext) -> Iterator[Sink]:
        """Start a file."""
        yield _Sink(self, ctx)

    @abstractmethod
    def save(self, content: Any, ctx: WriterContext) -> None:
        """Write the file from its only frame's content."""


@dataclass(frozen=True, slots=True)
class _Sink:
    writer: Still
    ctx: WriterContext

    def write(self, frame: Frame) -> None:
        self.writer.save(frame.content, self.ctx)


class Drawn(Still):
    """A writer of drawings through matplotlib's artists, as vector graphics.

    Attributes:
        format: matplotlib's name of the format.
        names: The format's names of the title, the description and the rest.
    """

    takes: ClassVar[Literal["pixels", "drawing", "trajectory"]] = "drawing"
    format: ClassVar[Literal["svg", "pdf"]]
    names: ClassVar[Mapping[str, str]]

    def save(self, content: Any, ctx: WriterContext) -> None:
        """Write the file, with its metadata."""
        metadata = {name: ctx.metadata[key] for key, name in self.names.items() if key in ctx.metadata}
        if ctx.metadata:
            metadata[self.names["rest"]] = to_comment(ctx.metadata)
        vector.save(content, ctx.path, self.format, metadata)
