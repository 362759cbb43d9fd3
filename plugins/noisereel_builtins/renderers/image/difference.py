"""Difference: one series of an image minus another."""

from collections.abc import Iterable
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel.contracts import marks
from noisereel.contracts.geometry import Box
from noisereel.contracts.guides import Colorbar, Guide, Space
from noisereel.contracts.renderer import Moment, RenderContext, Renderer, RunView
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.theme import Theme, rgb
from noisereel.contracts.trajectory import Series

from ..shared.cloud import latest, sampled, unrecorded
from .image import no_particle

__all__ = ["Difference"]


class Difference(Renderer):
    """The difference between two series of one image: amber where the first is higher, blue where it is lower."""

    space: ClassVar[Space] = "image"
    primary: ClassVar[str | None] = "of"

    of: Series = "x"
    """Series to show: the particle x, the estimates x0 or eps, the injected noise, or the signal α_t·x_0."""
    against: Series | Literal["data"] = "data"
    """Series to subtract, or data, the clean image that the particle came from."""
    index: int = Field(default=0, ge=0)
    """Index of the particle."""
    gain: float = Field(default=1.0, gt=0, le=1000)
    """Contrast: a difference of 1/gain has the full colour; from black to white is a difference of 2."""

    def check(self, run: RunInfo) -> str | None:
        reason = super().check(run) or no_particle(self.index, run) or unrecorded(self.of, run)
        if self.against != "data":
            return reason or unrecorded(self.against, run)
        no_data = f"against: run '{run.name}' does not start from data; choose a series instead"
        return reason or (None if run.from_data else no_data)

    def extent(self, run: RunView) -> Box | None:
        next(sampled(run, self.of))
        height, width = run.trajectory.event_shape[:2]
        return Box((0.0, float(width)), (0.0, float(height)))

    def _subtrahend(self, run: RunView, index: int) -> NDArray[np.floating] | None:
        if self.against != "data":
            array = latest(run, self.against, index)
            return None if array is None else array[self.index]
        assert run.trajectory.origin is not None, "called before the run was simulated"
        return run.trajectory.data.x0[run.trajectory.origin[self.index]].numpy()

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        images, subtrahend = latest(run, self.of, moment.index), self._subtrahend(run, moment.index)
        if images is None or subtrahend is None:
            return
        difference = self.gain * (images[self.index] - subtrahend)
        grey = difference if difference.ndim == 2 else difference.mean(axis=2)
        height, width = run.trajectory.event_shape[:2]
        box = (0.0, float(width), 0.0, float(height))
        yield marks.Image(signed(grey, ctx.theme), box, ctx.view.size[0] < 4 * width)

    def guide(self, run: RunView, ctx: RenderContext) -> Guide | None:
        ramp = signed(np.linspace(-1, 1, 255)[None], ctx.theme)[0].astype(float)
        background, alpha = np.array(rgb(ctx.theme.color("background"))), ramp[:, 3:] / 255
        palette = np.rint(alpha * ramp[:, :3] + (1 - alpha) * background).astype(np.uint8)
        return Colorbar(palette, -1 / self.gain, 1 / self.gain)


def signed(values: NDArray[np.floating], theme: Theme) -> NDArray[np.uint8]:
    """Return amber for values above 0 and blue below, with their magnitude as opacity, RGBA, shape (H, W, 4)."""
    out = np.empty((*values.shape, 4), np.uint8)
    out[..., :3] = np.where(values[..., None] > 0, rgb(theme.color("amber")), rgb(theme.color("blue")))
    out[..., 3] = np.rint(255 * np.clip(np.nan_to_num(np.abs(values)), 0, 1))
    return out
