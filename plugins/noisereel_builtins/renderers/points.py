"""Points: every particle a disc."""

from collections.abc import Iterable
from typing import ClassVar

from pydantic import Field

from noisereel import marks
from noisereel.figure import Box, Look
from noisereel.record import Record
from noisereel.renderer import Guide, Moment, Renderer, Series, Space
from noisereel.subject import Subject

from ._cloud import disc, latest, plane_extent, unrecorded
from ._paint import ParticlePaint, guide_of, shades, unpaintable

__all__ = ["Points"]


class Points(Renderer):
    """Every particle a disc, in the colour that it started with."""

    space: ClassVar[Space] = "plane"
    primary: ClassVar[str | None] = "of"

    of: Series = "x"
    """What is shown: the particles, the estimates x0 or eps, the injected noise, or the signal α_t·x_0."""
    color: ParticlePaint = "hue"
    """hue (the data's, else by where it started), label, start (the angle that it started at), speed (how far a step
    takes it), x, y or z (where it is in the data), a role of the theme such as blue, or a hex colour."""
    size: float | None = Field(default=None, gt=0, le=100)
    """Radius in design pixels; left out, what suits the number of particles and the panel."""
    alpha: float | None = Field(default=None, gt=0, le=1)
    """Opacity of one disc; left out, what suits the number of particles and the panel."""

    def check(self, subject: Subject) -> str | None:
        return super().check(subject) or unrecorded(self.of, subject) or unpaintable(self.color, subject)

    def extent(self, record: Record) -> Box | None:
        return plane_extent(record, self.of)

    def marks(self, record: Record, moment: Moment, look: Look) -> Iterable[marks.Mark]:
        xy = latest(record, self.of, moment.step)
        if xy is None:
            return
        size, alpha = disc(record.particles, look)
        color = shades(self.color, record, look.theme, moment.step)
        yield marks.Points(xy, color, self.size or size, self.alpha or alpha, series=self.of)

    def guide(self, record: Record, look: Look) -> Guide | None:
        return guide_of(self.color, record, look.theme)
