"""Points: every particle as a disc."""

from collections.abc import Iterable
from typing import ClassVar

from noisereel.contracts import marks
from noisereel.contracts.geometry import Box
from noisereel.contracts.guides import Space
from noisereel.contracts.renderer import Moment, RenderContext, RunView

from ..shared.cloud import latest, plane_extent
from ..shared.discs import Discs
from ..shared.paint import shades

__all__ = ["Points"]


class Points(Discs):
    """Every particle as a disc in its own colour."""

    space: ClassVar[Space] = "plane"

    def extent(self, run: RunView) -> Box | None:
        return plane_extent(run, self.of)

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        xy = latest(run, self.of, moment.index)
        if xy is not None:
            size, alpha = self.disc(run, ctx)
            color = shades(self.color, run, ctx.theme, moment.index)
            yield marks.Points(xy, color, size, alpha, series=self.of)
