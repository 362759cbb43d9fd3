"""Contours: lines around where most of the particles are."""

from collections.abc import Iterable
from typing import Annotated, ClassVar

import contourpy
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel.contracts import marks
from noisereel.contracts.renderer import Moment, RenderContext, RunView

from ..shared.grid import Grid, grid_over
from ..shared.paint import Paint
from .planar import PlanarDensity

__all__ = ["Contours"]


class Contours(PlanarDensity):
    """Lines of equal density, each around a given share of the probability in the least room.

    Shares, unlike densities, mean the same from pure noise to clean data, so that there are always all lines.
    """

    primary: ClassVar[str | None] = "shares"

    shares: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(default=(0.1, 0.3, 0.5, 0.7, 0.9), min_length=1)
    """How much of the probability each line encloses, each between 0 and 1."""
    color: Paint = "hue"
    """hue (blue outside, amber innermost), a role of the theme, or a hex colour."""
    width: float = Field(default=1.5, gt=0, le=100)
    """Width of the lines in design pixels."""
    alpha: float = Field(default=0.9, gt=0, le=1)
    """Opacity."""

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        grid = grid_over(ctx.view, self.columns)
        table = self.density(run, moment.index, grid)
        if table is None:
            return
        shares = sorted(self.shares, reverse=True)
        rings = [lines_at(level, table, grid) for level in heights_around(table, grid, shares)]
        palette = ctx.theme.gradient()
        which = np.repeat(np.rint(255 * (1 - np.array(shares))).astype(np.uint8), [len(ring) for ring in rings])
        color = marks.Shades(which, palette) if self.color == "hue" else ctx.theme.color(self.color)
        yield marks.Polylines(tuple(line for ring in rings for line in ring), color, self.width, self.alpha)


def heights_around(table: NDArray[np.float64], grid: Grid, shares: Iterable[float]) -> list[float]:
    """The densities whose lines enclose these shares of the probability; NaN where the grid does not hold so much."""
    falling = np.sort(table, axis=None)[::-1]
    width, height = grid.cell
    inside = np.cumsum(falling) * (width * height)
    return [float(np.interp(share, inside, falling, right=np.nan)) for share in shares]


def lines_at(level: float, table: NDArray[np.float64], grid: Grid) -> list[NDArray[np.float64]]:
    """The lines where a density has this height, shape (m, 2) each; closed unless they leave the grid."""
    if not level > 0:
        return []
    lines = contourpy.contour_generator(*grid.centres, table, line_type=contourpy.LineType.Separate).lines(level)
    return [np.asarray(line) for line in lines]
