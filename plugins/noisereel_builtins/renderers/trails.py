"""Trails: where every particle has been."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
from pydantic import Field

from noisereel import marks
from noisereel.figure import Box, Look
from noisereel.record import Record
from noisereel.renderer import Moment, Renderer, Series, Space

from ._cloud import Paint, shades
from .points import plane_extent

__all__ = ["Trails"]


class Trails(Renderer):
    """Lines through every particle's last positions, fading towards the past."""

    space: ClassVar[Space] = "plane"
    primary: ClassVar[str | None] = "length"

    length: int = Field(default=10, ge=1, le=10_000)
    """How many visits back a trail reaches."""
    of: Series = "x"
    """Whose way is shown: the particles', or that of the estimates x0 or eps, the noise, or the signal α_t·x_0."""
    color: Paint = "hue"
    """hue (a colour each, by where it started), a role of the theme such as blue, or a hex colour."""
    width: float = Field(default=1.5, gt=0, le=100)
    """Width at the newest end, in design pixels."""
    alpha: float | None = Field(default=None, gt=0, le=1)
    """Opacity at the newest end; left out, what suits the number of particles."""

    def extent(self, record: Record) -> Box | None:
        return plane_extent(record, self.of)

    def marks(self, record: Record, moment: Moment, look: Look) -> Iterable[marks.Mark]:
        steps = range(max(0, moment.step - self.length), moment.step + 1)
        past = [xy for step in steps if record.kept(step) and (xy := record.series(self.of, step)) is not None]
        if len(past) < 2:
            return
        alpha = self.alpha or min(0.5 * (250 / record.particles) ** 0.4, 0.7)
        color = shades(self.color, record, look.theme)
        yield marks.Trails(np.stack(past), color, self.width, alpha, series=self.of)
