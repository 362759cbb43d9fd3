"""Paths: whole trajectories in the plane."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel.contracts import marks
from noisereel.contracts.geometry import Box
from noisereel.contracts.guides import Guide, Space
from noisereel.contracts.renderer import Moment, RenderContext, Renderer, RunView
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.trajectory import Series

from ..shared.chosen import chosen, paths, shades_of
from ..shared.cloud import plane_extent, unrecorded
from ..shared.paint import ParticlePaint, guide_of, shades, unpaintable

__all__ = ["Paths"]

AHEAD = 0.25
"""Share of the opacity that what is still to come has."""


class Paths(Renderer):
    """The whole way of some particles, bright up to now and faint beyond, with a dot where they are."""

    space: ClassVar[Space] = "plane"
    primary: ClassVar[str | None] = "particles"

    particles: int = Field(default=60, ge=1, le=10_000)
    """How many particles, evenly spread over all of them."""
    of: Series = "x"
    """Whose way is shown: the particles', or that of the estimates x0 or eps, the noise, or the signal α_t·x_0."""
    ahead: bool = True
    """Show what is still to come."""
    color: ParticlePaint = "hue"
    """hue (the data's, else by where it started), label, start (the angle that it started at), speed (how far a step
    takes it), x, y or z (where it is in the data), a role of the theme such as blue, or a hex colour."""
    width: float = Field(default=1.6, gt=0, le=100)
    """Width in design pixels."""
    alpha: float = Field(default=0.75, gt=0, le=1)
    """Opacity of what has been."""

    def check(self, run: RunInfo) -> str | None:
        return super().check(run) or unrecorded(self.of, run) or unpaintable(self.color, run)

    def extent(self, run: RunView) -> Box | None:
        return plane_extent(run, self.of)

    def _drawn(self, run: RunView, ctx: RenderContext, present: int | None, alpha: float) -> marks.Polylines:
        rows = chosen(run, self.particles)
        _, places = paths(run, self.of, rows, present)
        color = shades_of(shades(self.color, run, ctx.theme, present or 0), rows)
        return marks.Polylines(lines(places), color, self.width, alpha)

    def backdrop(self, run: RunView, ctx: RenderContext) -> Iterable[marks.Mark]:
        if self.ahead:
            yield self._drawn(run, ctx, None, AHEAD * self.alpha)

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        drawn = self._drawn(run, ctx, moment.index, self.alpha)
        yield drawn
        if drawn.lines and len(drawn.lines[0]):
            heads = np.stack([line[-1] for line in drawn.lines])
            yield marks.Points(heads, drawn.color, 1.9 * self.width, 1.0)

    def guide(self, run: RunView, ctx: RenderContext) -> Guide | None:
        return guide_of(self.color, run, ctx.theme)


def lines(places: NDArray[np.floating]) -> tuple[NDArray[np.floating], ...]:
    """A line for each particle, shape (m, 2), of places of shape (m, particles, 2)."""
    return tuple(np.ascontiguousarray(places[:, i]) for i in range(places.shape[1]))
