"""Difference: how a picture differs from another one."""

from collections.abc import Iterable
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel import marks
from noisereel.figure import Box, Look
from noisereel.record import Record
from noisereel.renderer import Colorbar, Guide, Moment, Renderer, Series, Space
from noisereel.subject import Subject
from noisereel.theme import Theme, rgb

from ._cloud import latest, sampled, unrecorded
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

    def check(self, subject: Subject) -> str | None:
        wrong = super().check(subject) or no_particle(self.index, subject) or unrecorded(self.of, subject)
        if self.against != "data":
            return wrong or unrecorded(self.against, subject)
        away = f"against: run '{subject.name}' does not start from data; choose another"
        return wrong or (None if subject.from_data else away)

    def extent(self, record: Record) -> Box | None:
        next(sampled(record, self.of))
        height, width = record.event[:2]
        return Box((0.0, float(width)), (0.0, float(height)))

    def _other(self, record: Record, step: int) -> NDArray[np.floating] | None:
        if self.against != "data":
            array = latest(record, self.against, step)
            return None if array is None else array[self.index]
        assert record.origin is not None, "asked before the run was simulated"
        return record.data.x0[record.origin[self.index]].numpy()

    def marks(self, record: Record, moment: Moment, look: Look) -> Iterable[marks.Mark]:
        ours, other = latest(record, self.of, moment.step), self._other(record, moment.step)
        if ours is None or other is None:
            return
        more = self.gain * (ours[self.index] - other)
        grey = more if more.ndim == 2 else more.mean(axis=2)
        height, width = record.event[:2]
        box = (0.0, float(width), 0.0, float(height))
        yield marks.Image(signed(grey, look.theme), box, look.size[0] < 4 * width)

    def guide(self, record: Record, look: Look) -> Guide | None:
        ramp = signed(np.linspace(-1, 1, 255)[None], look.theme)[0].astype(float)
        ground, share = np.array(rgb(look.theme.color("background"))), ramp[:, 3:] / 255
        palette = np.rint(share * ramp[:, :3] + (1 - share) * ground).astype(np.uint8)
        return Colorbar(palette, -1 / self.gain, 1 / self.gain)


def signed(more: NDArray[np.floating], theme: Theme) -> NDArray[np.uint8]:
    """Amber for what is above 0 and blue for what is below, as opaque as it is large, RGBA, shape (H, W, 4)."""
    out = np.empty((*more.shape, 4), np.uint8)
    out[..., :3] = np.where(more[..., None] > 0, rgb(theme.color("amber")), rgb(theme.color("blue")))
    out[..., 3] = np.rint(255 * np.clip(np.nan_to_num(np.abs(more)), 0, 1))
    return out
