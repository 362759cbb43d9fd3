"""Points: every particle a disc."""

from collections.abc import Iterable
from typing import ClassVar

from noisereel import marks
from noisereel.figure import Box, Look
from noisereel.record import Record
from noisereel.renderer import Moment, Space

from ._cloud import latest, plane_extent
from ._discs import Discs
from ._paint import shades

__all__ = ["Points"]


class Points(Discs):
    """Every particle a disc, in the colour that it started with."""

    space: ClassVar[Space] = "plane"

    def extent(self, record: Record) -> Box | None:
        return plane_extent(record, self.of)

    def marks(self, record: Record, moment: Moment, look: Look) -> Iterable[marks.Mark]:
        xy = latest(record, self.of, moment.step)
        if xy is not None:
            size, alpha = self.disc(record, look)
            color = shades(self.color, record, look.theme, moment.step)
            yield marks.Points(xy, color, size, alpha, series=self.of)
