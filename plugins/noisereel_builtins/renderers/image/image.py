"""Image: one particle that is a picture."""

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
    """Which particle."""
    of: Series = "x"
    """What of it: the particle, the estimates x0 or eps, the injected noise, or the signal α_t·x_0."""

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
        # Few large pixels are shown as the squares that they are.
        smooth = ctx.view.size[0] < 4 * width
        yield marks.Image(to_bytes(images[self.index]), (0.0, float(width), 0.0, float(height)), smooth)


def no_particle(index: int, run: RunInfo) -> str | None:
    """Why a run has no such particle, or None."""
    last = run.particles - 1
    return f"index must be at most {last}, run '{run.name}' has no more, got {index}" if index > last else None


def to_bytes(image: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Values in [−1, 1] as bytes: round(255·clip((x + 1)/2)); what is not a number is black."""
    scaled = image * np.float32(127.5)
    scaled += np.float32(128)  # 127.5, and a half for rounding
    np.fmax(scaled, 0, out=scaled)
    np.fmin(scaled, 255, out=scaled)
    return scaled.astype(np.uint8)
