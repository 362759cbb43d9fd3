"""Paths: the whole trajectories of some particles."""

from collections.abc import Iterable
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel.contracts import marks
from noisereel.contracts.geometry import Box
from noisereel.contracts.guides import Guide, Space
from noisereel.contracts.renderer import IN_PIXELS, Moment, RenderContext, Renderer, RunView
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.trajectory import Series

from ..shared.chosen import chosen, paths, shades_of
from ..shared.cloud import plane_extent, unrecorded
from ..shared.paint import ParticlePaint, guide_of, shades, unpaintable

__all__ = ["Paths"]

AHEAD = 0.25
"""Opacity of the future, relative to the past."""


class Paths(Renderer):
    """The whole paths of some particles, bright up to the present and faint beyond, with a dot at the present."""

    space: ClassVar[Space] = "plane"
    primary: ClassVar[str | None] = "particles"

    particles: int = Field(default=60, ge=1, le=10_000)
    """Number of particles, evenly spread over all of them."""
    of: Series = "x"
    """Series to show: the particles x, the estimates x0 or eps, the injected noise, or the signal α_t·x_0."""
    ahead: bool = True
    """Show the future."""
    color: ParticlePaint = "hue"
    width: Annotated[float, IN_PIXELS] = Field(default=1.6, gt=0, le=100)
    """Width of the lines in design pixels."""
    alpha: float = Field(default=0.75, gt=0, le=1)
    """Opacity of the past."""

    def check(self, run: RunInfo) -> str | None:
        return super().check(run) or unrecorded(self.of, run) or unpaintable(self.color, run)

    def extent(self, run: RunView) -> Box | None:
        return plane_extent(run, self.of)

    def _paths(self, run: RunView, ctx: RenderContext, present: int | None, alpha: float) -> marks.Polylines:
        rows = chosen(run, self.particles)
        _, positions = paths(run, self.of, rows, present)
        color = shades_of(shades(self.color, run, ctx.theme, present or 0), rows)
        return marks.Polylines(lines(positions), color, self.width, alpha)

    def backdrop(self, run: RunView, ctx: RenderContext) -> Iterable[marks.Mark]:
        if self.ahead:
            yield self._paths(run, ctx, None, AHEAD * self.alpha)

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        past = self._paths(run, ctx, moment.index, self.alpha)
        yield past
        if past.lines and len(past.lines[0]):
            heads = np.stack([line[-1] for line in past.lines])
            yield marks.Points(heads, past.color, 1.9 * self.width, 1.0)

    def guide(self, run: RunView, ctx: RenderContext) -> Guide | None:
        return guide_of(self.color, run, ctx.theme)


def lines(positions: NDArray[np.floating]) -> tuple[NDArray[np.floating], ...]:
    """Return a line per particle, shape (m, 2), from positions of shape (m, particles, 2)."""
    return tuple(np.ascontiguousarray(positions[:, i]) for i in range(positions.shape[1]))
