"""Writers: frames into files. The film gives each a temporary path and renames it when complete."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from .figure import Pixels
from .plugin import Plugin

__all__ = ["Frame", "OutputSpec", "Pixels", "Quality", "Sink", "Writer"]

Quality = Literal["draft", "standard", "high"]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame on its way into a file.

    Attributes:
        index: Position in the film.
        duration: How long it is shown, in seconds.
        content: `Pixels`, a drawing (`Drawing`) or a record, as the writer ``takes``.
    """

    index: int
    duration: Fraction
    content: Any


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """What a writer must know before the first frame.

    Attributes:
        path: Where to write (a temporary name with the right suffix).
        size: (width, height) in pixels.
        fps: Frames a second.
        loop: Whether a player starts over at the end.
        alpha: Whether frames have an alpha channel.
        ground: The theme's background, which edges fade into in formats without shades of transparency.
        quality: How much time and space to spend.
        metadata: Text to embed where the format can.
        sample: ``sample(n)`` draws n frames spread over the film, for palettes.
    """

    path: Path
    size: tuple[int, int]
    fps: Fraction
    loop: bool = True
    alpha: bool = False
    ground: tuple[int, int, int] = (255, 255, 255)
    quality: Quality = "standard"
    metadata: Mapping[str, str] = field(default_factory=dict)
    sample: Callable[[int], Sequence[Pixels]] = lambda n: ()


class Sink(Protocol):
    """An open file that takes frames."""

    def write(self, frame: Frame) -> None: ...


class Writer(Plugin):
    """Encodes a film; the name it is registered under is the file suffix it serves.

    Attributes:
        takes: What it is given: drawn pixels, drawings (panels with their marks), or the record itself.
        still: Whether a file holds one picture only, so that a film needs ``{frame}`` or ``{step}`` in its path.
        alpha: Whether it can leave the background out.
    """

    kind: ClassVar[str] = "writer"
    takes: ClassVar[Literal["pixels", "drawing", "record"]] = "pixels"
    still: ClassVar[bool] = False
    alpha: ClassVar[bool] = True

    @abstractmethod
    def open(self, spec: OutputSpec) -> AbstractContextManager[Sink]:
        """Start a file; leaving the context completes it, or releases it after an error."""

    def delays(self, fps: Fraction) -> str | None:
        """A warning if the format cannot play at this rate, or None."""
        return None
