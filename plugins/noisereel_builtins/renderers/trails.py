"""Trails: where every particle has been."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
from pydantic import Field

from noisereel import marks
from noisereel.figure import Box, Look
from noisereel.record import Record
from noisereel.renderer import Moment, Renderer, Series, Space
from noisereel.subject import Subject

from ._cloud import plane_extent, unrecorded
from ._paint import ParticlePaint, shades, unpaintable

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

    def check(self, subject: Subject) -> str | None:
        return super().check(subject) or unrecorded(self.of, subject) or unpaintable(self.color, subject)

    def extent(self, record: Record) -> Box | None:
        return plane_extent(record, self.of)

    def _reach(self, record: Record, moment: Moment) -> int:
        """How many visits back."""
        if self.seconds is None:
            return self.length
        return max(1, round(self.seconds / moment.seconds * (len(record) - 1)))

    def marks(self, record: Record, moment: Moment, look: Look) -> Iterable[marks.Mark]:
        steps = range(max(0, moment.step - self._reach(record, moment)), moment.step + 1)
        past = [xy for step in steps if record.kept(step) and (xy := record.series(self.of, step)) is not None]
        if len(past) < 2:
            return
        alpha = self.alpha or min(0.5 * (250 / record.particles) ** 0.4, 0.7)
        color = shades(self.color, record, look.theme, moment.step)
        yield marks.Trails(np.stack(past), color, self.width, alpha, series=self.of)
