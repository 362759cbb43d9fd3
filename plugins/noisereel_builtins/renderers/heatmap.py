"""Heatmap: where the particles are dense, as colour."""

from collections.abc import Iterable
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel import marks
from noisereel.figure import Look
from noisereel.record import Record
from noisereel.renderer import Colorbar, Guide, Moment

from ._grid import grid_over
from ._heat import heat, heat_alpha
from ._memo import once
from ._planar import PlanarDensity

__all__ = ["Heatmap"]


class Heatmap(PlanarDensity):
    """The density p_t of 2-D particles as colour, from nothing at all over blue to amber where it is highest.

    It is exact where the data set knows it and the run only adds noise, else the particles', each blurred a little.
    """

    primary: ClassVar[str | None] = "of"

    scale: Literal["moment", "run"] = "moment"
    """What the last colour means: the highest density at each moment, so that all can be seen, or that of the run."""
    gamma: float = Field(default=0.7, gt=0, le=4)
    """Colours go by density to this power; below 1 shows more of what is thin."""

    def _top(self, record: Record, look: Look) -> float:
        """The highest density of the run, at the visits that the film shows."""
        grid = grid_over(look.view, self.columns)

        def top() -> float:
            tables = (self.density(record, step, grid) for step in record.shown if record.kept(step))
            return max((float(table.max()) for table in tables if table is not None), default=0.0)

        return once(record, (self, look.view), top)

    def marks(self, record: Record, moment: Moment, look: Look) -> Iterable[marks.Mark]:
        table = self.density(record, moment.step, grid_over(look.view, self.columns))
        if table is None:
            return
        top = float(table.max()) if self.scale == "moment" else self._top(record, look)
        palette = heat_alpha(look.theme)
        yield marks.Image(palette[colors(table, top, self.gamma)[::-1]], (*look.view.x, *look.view.y))

    def guide(self, record: Record, look: Look) -> Guide | None:
        if self.scale == "moment":
            return None
        palette = heat(look.theme)
        at = np.rint(255 * np.linspace(0, 1, 256) ** self.gamma).astype(np.uint8)
        return Colorbar(palette[at], 0.0, self._top(record, look), "density")


def colors(table: NDArray[np.floating], top: float, gamma: float) -> NDArray[np.uint8]:
    """Which of 256 colours each density has: round(255·(p/top)^γ)."""
    share = np.clip(table / top, 0, 1) if top > 0 else np.zeros_like(table)
    return np.asarray(np.rint(255 * share**gamma), np.uint8)
