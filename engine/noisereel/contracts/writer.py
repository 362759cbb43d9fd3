"""Writers: encoders of frames into files."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from .geometry import Pixels
from .plugin import Plugin

__all__ = ["Frame", "Quality", "Sink", "Writer", "WriterContext"]

Quality = Literal["draft", "standard", "high"]
"""Trade-off between encoding time and fidelity."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame to write.

    Attributes:
        index: Position in the film.
        duration: How long it is shown, in seconds.
        content: `Pixels`, a drawing (`Drawing`) or the runs' trajectories by name, depending on what the writer
            ``takes``.
    """

    index: int
    duration: Fraction
    content: Any


@dataclass(frozen=True, slots=True)
class WriterContext:
    """Settings of a film and of the file to write it to.

    Attributes:
        path: The file to write (a temporary name with the right suffix).
        size: (width, height) in pixels.
        fps: Frames per second.
        loop: Whether players start over at the end.
        alpha: Whether frames have an alpha channel.
        background: The theme's background, for blending edges in formats with 1-bit alpha.
        quality: Trade-off between encoding time, file size and fidelity.
        metadata: Text to embed where the format supports it.
        sample: ``sample(n)`` draws n frames spread over the film, for palettes.
    """

    path: Path
    size: tuple[int, int]
    fps: Fraction
    loop: bool = True
    alpha: bool = False
    background: tuple[int, int, int] = (255, 255, 255)
    quality: Quality = "standard"
    metadata: Mapping[str, str] = field(default_factory=dict)
    sample: Callable[[int], Sequence[Pixels]] = lambda n: ()


class Sink(Protocol):
    """An open file that takes frames."""

    def write(self, frame: Frame) -> None: ...


class Writer(Plugin):
    """An encoder of films; the name it is registered under is the file suffix it serves.

    Attributes:
        takes: Content of the frames it is given: pixels, drawings (panels with their marks), or trajectories.
        still: Whether a file holds only one picture, so that a film needs ``{frame}`` or ``{step}`` in its path.
        alpha: Whether it supports a transparent background.
    """

    kind: ClassVar[str] = "writer"
    takes: ClassVar[Literal["pixels", "drawing", "trajectory"]] = "pixels"
    still: ClassVar[bool] = False
    alpha: ClassVar[bool] = True

    @abstractmethod
    def open(self, ctx: WriterContext) -> AbstractContextManager[Sink]:
        """Start a file; leaving the context completes it, or releases it after an error."""

    def rate_warning(self, fps: Fraction) -> str | None:
        """Return a warning if the format cannot play at this rate, or None."""
        return None
