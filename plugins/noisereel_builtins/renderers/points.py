"""Points: every particle a disc."""

from collections.abc import Iterable
from typing import ClassVar

from pydantic import Field

from noisereel import marks
from noisereel.figure import Box, Look
from noisereel.record import Record
from noisereel.renderer import Moment, Renderer, Series, Space

from ._cloud import Paint, latest, reach, sampled, shades

__all__ = ["Points", "crowding", "plane_extent"]


class Points(Renderer):
    """Every particle a disc, in the colour that it started with."""

    space: ClassVar[Space] = "plane"
    primary: ClassVar[str | None] = "of"

    of: Series = "x"
    """What is shown: the particles, the estimates x0 or eps, the injected noise, or the signal α_t·x_0."""
    color: Paint = "hue"
    """hue (a colour each, by where it started), a role of the theme such as blue, or a hex colour."""
    size: float | None = Field(default=None, gt=0, le=100)
    """Radius in design pixels; left out, what suits the number of particles and the panel."""
    alpha: float | None = Field(default=None, gt=0, le=1)
    """Opacity of one disc; left out, what suits the number of particles and the panel."""

    def extent(self, record: Record) -> Box | None:
        return plane_extent(record, self.of)

    def marks(self, record: Record, moment: Moment, look: Look) -> Iterable[marks.Mark]:
        xy = latest(record, self.of, moment.step)
        if xy is None:
            return
        crowd = crowding(record.particles, look)
        size = self.size or min(1.7 * crowd**-0.17, 5.0)
        alpha = self.alpha or min(0.5 * crowd**-0.125, 0.9)
        yield marks.Points(xy, shades(self.color, record, look.theme), size, alpha, series=self.of)


def plane_extent(record: Record, of: Series) -> Box:
    """Limits that hold a series of 2-D points over the whole run, so that nothing jitters."""
    arrays = list(sampled(record, of))
    return Box(reach(a[:, 0] for a in arrays), reach(a[:, 1] for a in arrays))


def crowding(particles: int, look: Look) -> float:
    """How crowded a panel is: 1 for 10,000 particles in 640 × 640 design pixels."""
    return particles / 10_000 * (640 / min(look.size)) ** 2
