"""Trails: where every particle has been."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
from pydantic import Field

from noisereel.contracts import marks
from noisereel.contracts.geometry import Box
from noisereel.contracts.guides import Space
from noisereel.contracts.renderer import Moment, RenderContext, Renderer, RunView
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
    """How many visits back a trail reaches."""
    seconds: float | None = Field(default=None, gt=0, le=600)
    """How many seconds of film a trail reaches back, at the film's mean pace; in place of `length`."""
    of: Series = "x"
    """Whose way is shown: the particles', or that of the estimates x0 or eps, the noise, or the signal α_t·x_0."""
    color: ParticlePaint = "hue"
    """hue (the data's, else by where it started), label, start (the angle that it started at), speed (how far a step
    takes it), x, y or z (where it is in the data), a role of the theme such as blue, or a hex colour."""
    width: float = Field(default=1.5, gt=0, le=100)
    """Width at the newest end, in design pixels."""
    alpha: float | None = Field(default=None, gt=0, le=1)
    """Opacity at the newest end; left out, what suits the number of particles."""

    def check(self, run: RunInfo) -> str | None:
        return super().check(run) or unrecorded(self.of, run) or unpaintable(self.color, run)

    def extent(self, run: RunView) -> Box | None:
        return plane_extent(run, self.of)

    def _reach(self, run: RunView, moment: Moment) -> int:
        """How many visits back."""
        if self.seconds is None:
            return self.length
        return max(1, round(self.seconds / moment.seconds * (len(run.trajectory) - 1)))

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        steps = range(max(0, moment.index - self._reach(run, moment)), moment.index + 1)
        past = [
            xy
            for index in steps
            if run.trajectory.kept(index) and (xy := run.trajectory.series(self.of, index)) is not None
        ]
        if len(past) < 2:
            return
        alpha = self.alpha or min(0.5 * (250 / run.trajectory.particles) ** 0.4, 0.7)
        color = shades(self.color, run, ctx.theme, moment.index)
        yield marks.Trails(np.stack(past), color, self.width, alpha, series=self.of)
