"""Image grid: many particles that are pictures, in rows and columns."""

import math
from collections.abc import Iterable
from typing import ClassVar

from pydantic import Field

from noisereel.contracts import marks
from noisereel.contracts.geometry import Box
from noisereel.contracts.guides import Space
from noisereel.contracts.renderer import Moment, RenderContext, Renderer, RunView
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.trajectory import Series

from ..shared.cloud import latest, sampled, unrecorded
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

    def _pitch(self, run: RunView) -> tuple[int, int]:
        """From picture to picture in the pictures' pixels: down and across."""
        height, width = run.trajectory.event_shape[:2]
        room = max(1, round(width / 14)) if self.padding is None else self.padding
        return height + room, width + room

    def _size(self, run: RunView) -> tuple[int, int]:
        """Height and width of the whole grid in the pictures' pixels."""
        (rows, columns), (height, width) = self.shape(run.trajectory.particles), run.trajectory.event_shape[:2]
        down, across = self._pitch(run)
        return (rows - 1) * down + height, (columns - 1) * across + width

    def check(self, run: RunInfo) -> str | None:
        rows, columns = self.shape(run.particles)
        few = f"shows {rows} × {columns} pictures, and run '{run.name}' has {run.particles} particles"
        wrong = few if rows * columns > run.particles else unrecorded(self.of, run)
        return super().check(run) or wrong

    def extent(self, run: RunView) -> Box | None:
        next(sampled(run, self.of))
        height, width = self._size(run)
        return Box((0.0, float(width)), (0.0, float(height)))

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        images = latest(run, self.of, moment.index)
        if images is None:
            return
        rows, columns = self.shape(run.trajectory.particles)
        (height, width), (down, across), (whole, wide) = (
            run.trajectory.event_shape[:2],
            self._pitch(run),
            self._size(run),
        )
        smooth = ctx.view.size[0] < 4 * wide
        for i in range(rows * columns):
            left, top = i % columns * across, whole - i // columns * down
            box = (float(left), float(left + width), float(top - height), float(top))
            yield marks.Image(to_bytes(images[i]), box, smooth)
