"""Contours: lines of equal density."""

from collections.abc import Iterable
from typing import Annotated, ClassVar

import contourpy
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel.contracts import marks
from noisereel.contracts.renderer import IN_PIXELS, Moment, RenderContext, RunView

from ..shared.grid import Grid, grid_over
from ..shared.paint import Paint
from .planar import PlanarDensity

__all__ = ["Contours"]


class Contours(PlanarDensity):
    """Lines of equal density, each enclosing a given fraction of the probability in the smallest area.

    Fractions, unlike densities, mean the same from pure noise to clean data, so that all lines exist at all times.
    """

    primary: ClassVar[str | None] = "shares"

    shares: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(default=(0.1, 0.3, 0.5, 0.7, 0.9), min_length=1)
    """Fraction of the probability that each line encloses, between 0 and 1."""
    color: Paint = "hue"
    """Colour of the lines: hue (from blue outside to amber inside), a theme colour, or a hex colour."""
    width: Annotated[float, IN_PIXELS] = Field(default=1.5, gt=0, le=100)
    """Width of the lines in design pixels."""
    alpha: float = Field(default=0.9, gt=0, le=1)
    """Opacity of the lines."""

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        grid = grid_over(ctx.view, self.columns)
        table = self.density(run, moment.index, grid)
        if table is None:
            return
        shares = sorted(self.shares, reverse=True)
        contours = [lines_at(level, table, grid) for level in heights_around(table, grid, shares)]
        palette = ctx.theme.gradient()
        index = np.repeat(np.rint(255 * (1 - np.array(shares))).astype(np.uint8), [len(lines) for lines in contours])
        color = marks.Shades(index, palette) if self.color == "hue" else ctx.theme.color(self.color)
        yield marks.Polylines(tuple(line for lines in contours for line in lines), color, self.width, self.alpha)


def heights_around(table: NDArray[np.float64], grid: Grid, shares: Iterable[float]) -> list[float]:
    """Return the densities whose lines enclose these fractions of the probability; NaN if the grid does not hold it."""
    descending = np.sort(table, axis=None)[::-1]
    width, height = grid.cell
    enclosed = np.cumsum(descending) * (width * height)
    return [float(np.interp(share, enclosed, descending, right=np.nan)) for share in shares]


def lines_at(level: float, table: NDArray[np.float64], grid: Grid) -> list[NDArray[np.float64]]:
    """Return the lines at which the density has this level, each of shape (m, 2), closed unless they leave the grid."""
    if not level > 0:
        return []
    lines = contourpy.contour_generator(*grid.centres, table, line_type=contourpy.LineType.Separate).lines(level)
    return [np.asarray(line) for line in lines]
