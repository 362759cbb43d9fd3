"""Trails: the recent positions of every particle."""

from collections.abc import Iterable
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from noisereel.contracts import marks
from noisereel.contracts.geometry import Box
from noisereel.contracts.guides import Space
from noisereel.contracts.renderer import IN_PIXELS, Moment, RenderContext, Renderer, RunView
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.trajectory import Series

from ..shared.cloud import plane_extent, unrecorded
from ..shared.paint import ParticlePaint, shades, unpaintable

__all__ = ["Trails"]


class Trails(Renderer):
    """Lines through every particle's last positions, fading towards the past."""

    space: ClassVar[Space] = "plane"
    primary: ClassVar[str | None] = "length"

    length: int = Field(default=10, ge=1, le=10_000)
    """Number of visits that a trail reaches back."""
    seconds: float | None = Field(default=None, gt=0, le=600)
    """Seconds of film that a trail reaches back, at the film's mean pace; replaces `length`."""
    of: Series = "x"
    """Series to show: the particles x, the estimates x0 or eps, the injected noise, or the signal α_t·x_0."""
    color: ParticlePaint = "hue"
    width: Annotated[float, IN_PIXELS] = Field(default=1.5, gt=0, le=100)
    """Width at the newest end, in design pixels."""
    alpha: float | None = Field(default=None, gt=0, le=1)
    """Opacity at the newest end; if omitted, it suits the number of particles."""

    def check(self, run: RunInfo) -> str | None:
        return super().check(run) or unrecorded(self.of, run) or unpaintable(self.color, run)

    def extent(self, run: RunView) -> Box | None:
        return plane_extent(run, self.of)

    def _visits_back(self, run: RunView, moment: Moment) -> int:
        """Return the number of visits that trails reach back."""
        if self.seconds is None:
            return self.length
        return max(1, round(self.seconds / moment.seconds * (len(run.trajectory) - 1)))

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        visits = range(max(0, moment.index - self._visits_back(run, moment)), moment.index + 1)
        past = [
            xy
            for index in visits
            if run.trajectory.kept(index) and (xy := run.trajectory.series(self.of, index)) is not None
        ]
        if len(past) < 2:
            return
        alpha = self.alpha or min(0.5 * (250 / run.trajectory.particles) ** 0.4, 0.7)
        color = shades(self.color, run, ctx.theme, moment.index)
        yield marks.Trails(np.stack(past), color, self.width, alpha, series=self.of)
