"""Image: one particle of image data."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel.contracts import marks
from noisereel.contracts.geometry import Box
from noisereel.contracts.guides import Space
from noisereel.contracts.renderer import Moment, RenderContext, Renderer, RunView
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.trajectory import Series

from ..shared.cloud import latest, sampled, unrecorded

__all__ = ["Image"]


class Image(Renderer):
    """One particle of image data, grey or RGB: black at −1, white at 1, clipped beyond."""

    space: ClassVar[Space] = "image"
    primary: ClassVar[str | None] = "index"

    index: int = Field(default=0, ge=0)
    """Index of the particle."""
    of: Series = "x"
    """Series to show: the particle x, the estimates x0 or eps, the injected noise, or the signal α_t·x_0."""

    def check(self, run: RunInfo) -> str | None:
        return super().check(run) or no_particle(self.index, run) or unrecorded(self.of, run)

    def extent(self, run: RunView) -> Box | None:
        next(sampled(run, self.of))
        height, width = run.trajectory.event_shape[:2]
        return Box((0.0, float(width)), (0.0, float(height)))

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        images = latest(run, self.of, moment.index)
        if images is None:
            return
        height, width = run.trajectory.event_shape[:2]
        # A few large pixels are shown as squares.
        smooth = ctx.view.size[0] < 4 * width
        yield marks.Image(to_bytes(images[self.index]), (0.0, float(width), 0.0, float(height)), smooth)


def no_particle(index: int, run: RunInfo) -> str | None:
    """Return the message that a run has no such particle, or None if it has."""
    message = f"index: must be below {run.particles}, the number of particles of run '{run.name}', got {index}"
    return message if index >= run.particles else None


def to_bytes(image: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Convert values in [−1, 1] to bytes: round(255·clip((x + 1)/2)); NaN becomes black."""
    scaled = image * np.float32(127.5)
    scaled += np.float32(128)  # 127.5, and 0.5 for rounding
    np.fmax(scaled, 0, out=scaled)
    np.fmin(scaled, 255, out=scaled)
    return scaled.astype(np.uint8)
