"""Image grid: many particles of image data, in rows and columns."""

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
    """The first particles of image data in a grid, row by row from the upper left."""

    space: ClassVar[Space] = "image"
    primary: ClassVar[str | None] = "columns"

    columns: int | None = Field(default=None, ge=1, le=100)
    """Number of columns; if omitted, the grid is roughly square."""
    rows: int | None = Field(default=None, ge=1, le=100)
    """Number of rows; if omitted, as the number of particles allows, 10 at most."""
    padding: int | None = Field(default=None, ge=0, le=1000)
    """Gap between two images in image pixels; if omitted, a fourteenth of their width."""
    of: Series = "x"
    """Series to show: the particles x, the estimates x0 or eps, the injected noise, or the signal α_t·x_0."""

    def shape(self, particles: int) -> tuple[int, int]:
        """Return the rows and columns of the grid, for at most 100 of these particles."""
        columns = self.columns or math.ceil(
            math.sqrt(min(particles, 100)) if self.rows is None else min(particles, 100) / self.rows
        )
        return self.rows or min(10, max(1, particles // columns)), columns

    def _pitch(self, run: RunView) -> tuple[int, int]:
        """Return the distances from one image to the next, down and across, in image pixels."""
        height, width = run.trajectory.event_shape[:2]
        gap = max(1, round(width / 14)) if self.padding is None else self.padding
        return height + gap, width + gap

    def _size(self, run: RunView) -> tuple[int, int]:
        """Return the height and width of the whole grid in image pixels."""
        (rows, columns), (height, width) = self.shape(run.trajectory.particles), run.trajectory.event_shape[:2]
        down, across = self._pitch(run)
        return (rows - 1) * down + height, (columns - 1) * across + width

    def check(self, run: RunInfo) -> str | None:
        rows, columns = self.shape(run.particles)
        too_few = f"shows {rows} × {columns} images, but run '{run.name}' has only {run.particles} particles"
        reason = too_few if rows * columns > run.particles else unrecorded(self.of, run)
        return super().check(run) or reason

    def extent(self, run: RunView) -> Box | None:
        next(sampled(run, self.of))
        height, width = self._size(run)
        return Box((0.0, float(width)), (0.0, float(height)))

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        images = latest(run, self.of, moment.index)
        if images is None:
            return
        rows, columns = self.shape(run.trajectory.particles)
        height, width = run.trajectory.event_shape[:2]
        (down, across), (grid_height, grid_width) = self._pitch(run), self._size(run)
        smooth = ctx.view.size[0] < 4 * grid_width
        for i in range(rows * columns):
            left, top = i % columns * across, grid_height - i // columns * down
            box = (float(left), float(left + width), float(top - height), float(top))
            yield marks.Image(to_bytes(images[i]), box, smooth)
