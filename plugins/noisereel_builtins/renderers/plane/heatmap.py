"""Heatmap: the density of the particles as colour."""

from collections.abc import Iterable
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel.contracts import marks
from noisereel.contracts.guides import Colorbar, Guide
from noisereel.contracts.renderer import Moment, RenderContext, RunView

from ..shared.grid import grid_over
from ..shared.heat import heat, heat_alpha
from ..shared.memo import once
from .planar import PlanarDensity

__all__ = ["Heatmap"]


class Heatmap(PlanarDensity):
    """The density p_t of 2-D particles as colour, from transparent through blue to amber at the maximum.

    It is exact if the data set defines it and the run only adds noise, else estimated from the particles, slightly
    blurred.
    """

    primary: ClassVar[str | None] = "of"

    scale: Literal["moment", "run"] = "moment"
    """Density that has the last colour: the maximum at each moment, so that every moment is clear, or over the run."""
    gamma: float = Field(default=0.7, gt=0, le=4)
    """Exponent of the density in the colour scale; below 1, low densities are easier to see."""

    def _top(self, run: RunView, ctx: RenderContext) -> float:
        """Return the highest density of the run over the visits that the film shows."""
        grid = grid_over(ctx.view, self.columns)

        def top() -> float:
            tables = (self.density(run, index, grid) for index in run.shown if run.trajectory.kept(index))
            return max((float(table.max()) for table in tables if table is not None), default=0.0)

        return once(run, (self, ctx.view), top)

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        table = self.density(run, moment.index, grid_over(ctx.view, self.columns))
        if table is None:
            return
        top = float(table.max()) if self.scale == "moment" else self._top(run, ctx)
        palette = heat_alpha(ctx.theme)
        yield marks.Image(palette[colors(table, top, self.gamma)[::-1]], (*ctx.view.x, *ctx.view.y))

    def guide(self, run: RunView, ctx: RenderContext) -> Guide | None:
        if self.scale == "moment":
            return None
        palette = heat(ctx.theme)
        index = np.rint(255 * np.linspace(0, 1, 256) ** self.gamma).astype(np.uint8)
        return Colorbar(palette[index], 0.0, self._top(run, ctx), "density")


def colors(table: NDArray[np.floating], top: float, gamma: float) -> NDArray[np.uint8]:
    """Return the index of each density's colour among 256: round(255·(p/top)^γ)."""
    relative = np.clip(table / top, 0, 1) if top > 0 else np.zeros_like(table)
    return np.asarray(np.rint(255 * relative**gamma), np.uint8)
