"""What the formats of one picture share: a file that is written with its only frame."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from noisereel.canvas import vector
from noisereel.writer import Frame, OutputSpec, Sink, Writer

from .comment import to_comment

__all__ = ["Drawn", "Still"]


class Still(Writer):
    """Writes one picture a file."""

    still: ClassVar[bool] = True

    @contextmanager
    def open(self, spec: OutputSpec) -> Iterator[Sink]:
        """Start a file."""
        yield _Sink(self, spec)

    @abstractmethod
    def save(self, content: Any, spec: OutputSpec) -> None:
        """Write the file from its only frame's content."""


@dataclass(frozen=True, slots=True)
class _Sink:
    writer: Still
    spec: OutputSpec

    def write(self, frame: Frame) -> None:
        self.writer.save(frame.content, self.spec)


class Drawn(Still):
    """Writes a drawing through matplotlib's artists, so that lines stay lines.

    Attributes:
        format: matplotlib's name of the format.
        names: What the format calls the title, the description and the rest.
    """

    takes: ClassVar[Literal["pixels", "drawing", "record"]] = "drawing"
    format: ClassVar[Literal["svg", "pdf"]]
    names: ClassVar[Mapping[str, str]]

    def save(self, content: Any, spec: OutputSpec) -> None:
        """Write the file, with its metadata."""
        known = {name: spec.metadata[key] for key, name in self.names.items() if key in spec.metadata}
        if spec.metadata:
            known[self.names["rest"]] = to_comment(spec.metadata)
        vector.save(content, spec.path, self.format, known)
