"""Image grid: many particles that are pictures, in rows and columns."""

import math
from collections.abc import Iterable
from typing import ClassVar

from pydantic import Field

from noisereel import marks
from noisereel.figure import Box, Look
from noisereel.record import Record
from noisereel.renderer import Moment, Renderer, Series, Space
from noisereel.subject import Subject

from ._cloud import latest, sampled, unrecorded
from .image import to_bytes

__all__ = ["ImageGrid"]


class ImageGrid(Renderer):
    """The first particles of image data side by side, row by row from the upper left."""

    space: ClassVar[Space] = "image"
    primary: ClassVar[str | None] = "columns"

    columns: int | None = Field(default=None, ge=1, le=100)
    """How many side by side; left out, what makes the grid nearly square."""
    rows: int | None = Field(default=None, ge=1, le=100)
    """How many below each other; left out, as many as there are particles for, 10 at most."""
    padding: int | None = Field(default=None, ge=0, le=1000)
    """Room between two pictures, in their own pixels; left out, a fourteenth of their width."""
    of: Series = "x"
    """What of them: the particles, the estimates x0 or eps, the injected noise, or the signal α_t·x_0."""

    def shape(self, particles: int) -> tuple[int, int]:
        """Rows and columns of a grid of so many pictures at most."""
        columns = self.columns or math.ceil(
            math.sqrt(min(particles, 100)) if self.rows is None else min(particles, 100) / self.rows
        )
        return self.rows or min(10, max(1, particles // columns)), columns

    def _pitch(self, record: Record) -> tuple[int, int]:
        """From picture to picture in the pictures' pixels: down and across."""
        height, width = record.event[:2]
        room = max(1, round(width / 14)) if self.padding is None else self.padding
        return height + room, width + room

    def _size(self, record: Record) -> tuple[int, int]:
        """Height and width of the whole grid in the pictures' pixels."""
        (rows, columns), (height, width) = self.shape(record.particles), record.event[:2]
        down, across = self._pitch(record)
        return (rows - 1) * down + height, (columns - 1) * across + width

    def check(self, subject: Subject) -> str | None:
        rows, columns = self.shape(subject.particles)
        few = f"shows {rows} × {columns} pictures, and run '{subject.name}' has {subject.particles} particles"
        wrong = few if rows * columns > subject.particles else unrecorded(self.of, subject)
        return super().check(subject) or wrong

    def extent(self, record: Record) -> Box | None:
        next(sampled(record, self.of))
        height, width = self._size(record)
        return Box((0.0, float(width)), (0.0, float(height)))

    def marks(self, record: Record, moment: Moment, look: Look) -> Iterable[marks.Mark]:
        images = latest(record, self.of, moment.step)
        if images is None:
            return
        rows, columns = self.shape(record.particles)
        (height, width), (down, across), (whole, wide) = record.event[:2], self._pitch(record), self._size(record)
        smooth = look.size[0] < 4 * wide
        for i in range(rows * columns):
            left, top = i % columns * across, whole - i // columns * down
            box = (float(left), float(left + width), float(top - height), float(top))
            yield marks.Image(to_bytes(images[i]), box, smooth)
