"""Data: the clean samples, faintly, behind everything."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
from pydantic import Field

from noisereel import marks
from noisereel.figure import Box, Look
from noisereel.record import Record
from noisereel.renderer import Moment, Renderer, Space

from ._chosen import shades_of, spread
from ._cloud import crowding, reach
from ._paint import Paint

__all__ = ["Data"]

MOST = 4000
"""Samples shown at most, evenly spread over all: more say nothing new, and pile up until they are faint no longer."""


class Data(Renderer):
    """The data set's clean samples x_0 as faint discs that do not move: what the particles come from or return to.

    Of very many, an even choice is shown.
    """

    space: ClassVar[Space] = "plane"
    primary: ClassVar[str | None] = "color"

    color: Paint = "muted"
    """hue (each sample's own colour), a role of the theme such as muted, or a hex colour."""
    size: float | None = Field(default=None, gt=0, le=100)
    """Radius in design pixels; left out, what suits the number of samples and the panel."""
    alpha: float | None = Field(default=None, gt=0, le=1)
    """Opacity of one disc; left out, what suits the number of samples and the panel."""

    def extent(self, record: Record) -> Box | None:
        x0 = record.data.x0.numpy()
        return Box(reach([x0[:, 0]]), reach([x0[:, 1]]))

    def backdrop(self, record: Record, look: Look) -> Iterable[marks.Mark]:
        rows = spread(len(record.data.x0), MOST)
        crowd = crowding(len(rows), look)
        size = self.size or min(1.7 * crowd**-0.17, 5.0)
        alpha = self.alpha or min(0.2 * crowd**-0.2, 0.5)
        color = shades_of(self._color(record, look), rows)
        yield marks.Points(record.data.x0.numpy()[rows], color, size, alpha)

    def _color(self, record: Record, look: Look) -> marks.Color:
        if self.color != "hue":
            return look.theme.color(self.color)
        if record.data.hue is None:
            return look.theme.color("muted")
        return marks.Shades(np.rint(record.data.hue.numpy() * 255).astype(np.uint8), look.theme.gradient())

    def marks(self, record: Record, moment: Moment, look: Look) -> Iterable[marks.Mark]:
        return ()
