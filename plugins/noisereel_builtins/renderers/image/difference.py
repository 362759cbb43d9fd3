"""Difference: how a picture differs from another one."""

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
    """What one particle of image data has more (amber) and less (blue) than another series; the same is clear."""

    space: ClassVar[Space] = "image"
    primary: ClassVar[str | None] = "of"

    of: Series = "x"
    """What is shown: the particle, the estimates x0 or eps, the injected noise, or the signal α_t·x_0."""
    against: Series | Literal["data"] = "data"
    """What is taken off it: another series, or the clean picture that the particle came from."""
    index: int = Field(default=0, ge=0)
    """Which particle."""
    gain: float = Field(default=1.0, gt=0, le=1000)
    """A difference of 1/gain, half the way from black to white at 1, has the full colour."""

    def check(self, run: RunInfo) -> str | None:
        wrong = super().check(run) or no_particle(self.index, run) or unrecorded(self.of, run)
        if self.against != "data":
            return wrong or unrecorded(self.against, run)
        away = f"against: run '{run.name}' does not start from data; choose another"
        return wrong or (None if run.from_data else away)

    def extent(self, run: RunView) -> Box | None:
        next(sampled(run, self.of))
        height, width = run.trajectory.event_shape[:2]
        return Box((0.0, float(width)), (0.0, float(height)))

    def _other(self, run: RunView, index: int) -> NDArray[np.floating] | None:
        if self.against != "data":
            array = latest(run, self.against, index)
            return None if array is None else array[self.index]
        assert run.trajectory.origin is not None, "asked before the run was simulated"
        return run.trajectory.data.x0[run.trajectory.origin[self.index]].numpy()

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        ours, other = latest(run, self.of, moment.index), self._other(run, moment.index)
        if ours is None or other is None:
            return
        more = self.gain * (ours[self.index] - other)
        grey = more if more.ndim == 2 else more.mean(axis=2)
        height, width = run.trajectory.event_shape[:2]
        box = (0.0, float(width), 0.0, float(height))
        yield marks.Image(signed(grey, ctx.theme), box, ctx.view.size[0] < 4 * width)

    def guide(self, run: RunView, ctx: RenderContext) -> Guide | None:
        ramp = signed(np.linspace(-1, 1, 255)[None], ctx.theme)[0].astype(float)
        ground, share = np.array(rgb(ctx.theme.color("background"))), ramp[:, 3:] / 255
        palette = np.rint(share * ramp[:, :3] + (1 - share) * ground).astype(np.uint8)
        return Colorbar(palette, -1 / self.gain, 1 / self.gain)


def signed(more: NDArray[np.floating], theme: Theme) -> NDArray[np.uint8]:
    """Amber for what is above 0 and blue for what is below, as opaque as it is large, RGBA, shape (H, W, 4)."""
    out = np.empty((*more.shape, 4), np.uint8)
    out[..., :3] = np.where(more[..., None] > 0, rgb(theme.color("amber")), rgb(theme.color("blue")))
    out[..., 3] = np.rint(255 * np.clip(np.nan_to_num(np.abs(more)), 0, 1))
    return out
