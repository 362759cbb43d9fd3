"""River: one coordinate against time, from data to noise or back, over its density."""

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

from ..shared.chosen import chosen, paths, shades_of
from ..shared.cloud import reach, sampled
from ..shared.grid import Source, unknown_density
from ..shared.heat import heat_alpha
from ..shared.paint import ParticlePaint, guide_of, shades, unpaintable
from .line import densities, no_coordinate
from .quantities import times_of

__all__ = ["River"]

CELLS = (192, 320)
"""Rows and columns of the density image."""
UNDER_LINES = 176
"""Number of the 256 colours used under lines: up to rose."""
AHEAD = 0.22
"""Opacity of the future, relative to the past."""
RINGED = 16
"""Maximum number of particles drawn with a ring: more rings would merge into a bar."""


class River(Renderer):
    """One coordinate of some particles against time, bright up to the present and faint beyond.

    Behind them is the density of all particles, at each time relative to its maximum: exact if the data set defines it
    and the run only adds noise, else estimated from the particles.
    """

    space: ClassVar[Space] = "time"
    primary: ClassVar[str | None] = "particles"

    particles: int = Field(default=60, ge=0, le=10_000)
    """Number of particles, evenly spread over all of them; 0 for the density alone."""
    axis: int = Field(default=0, ge=0)
    """Index of the coordinate."""
    density: bool = True
    """Show the density behind the paths."""
    source: Source = "auto"
    ahead: bool = True
    """Show the future."""
    color: ParticlePaint = "ink"
    width: Annotated[float, IN_PIXELS] = Field(default=1.3, gt=0, le=100)
    """Width of the lines in design pixels."""
    alpha: float = Field(default=0.6, gt=0, le=1)
    """Opacity of the past."""

    def check(self, run: RunInfo) -> str | None:
        return (
            no_coordinate(self.axis, run.event_shape)
            or unknown_density(self.source, run)
            or unpaintable(self.color, run)
        )

    def extent(self, run: RunView) -> Box | None:
        return Box(times_of(run), reach(array[:, self.axis] for array in sampled(run, "x")))

    def _density_image(self, run: RunView, ctx: RenderContext) -> marks.Image:
        (rows, columns), x, y = CELLS, times_of(run), ctx.view.y
        at = x[0] + (np.arange(columns) + 0.5) * (x[1] - x[0]) / columns
        table = densities(run, at, y, rows, self.axis, self.source)
        relative = table / np.maximum(table.max(axis=1, keepdims=True), np.finfo(float).tiny)
        # Lines must contrast with the image.
        palette = heat_alpha(ctx.theme)[: UNDER_LINES if self.particles else 256]
        return marks.Image(palette[np.rint((len(palette) - 1) * relative.T[::-1]).astype(np.uint8)], (*x, *y))

    def _lines(self, run: RunView, ctx: RenderContext, present: int | None, alpha: float) -> marks.Polylines:
        rows = chosen(run, self.particles)
        visits, positions = paths(run, "x", rows, present)
        t = np.array([run.trajectory.times[index] for index in visits])
        lines = tuple(np.stack([t, positions[:, i, self.axis]], axis=1) for i in range(len(rows)))
        return marks.Polylines(
            lines, shades_of(shades(self.color, run, ctx.theme, present or 0), rows), self.width, alpha
        )

    def backdrop(self, run: RunView, ctx: RenderContext) -> Iterable[marks.Mark]:
        if self.density:
            yield self._density_image(run, ctx)
        if self.ahead and self.particles:
            yield self._lines(run, ctx, None, AHEAD * self.alpha)

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        if not self.particles:
            return
        lines = self._lines(run, ctx, moment.index, self.alpha)
        heads: NDArray[np.floating] = np.stack([line[-1] for line in lines.lines])
        yield lines
        few = len(heads) <= RINGED
        ring = ctx.theme.color("background") if few else None
        yield marks.Points(heads, lines.color, 3.0 if few else 2.0, 1.0, ring)

    def guide(self, run: RunView, ctx: RenderContext) -> Guide | None:
        return guide_of(self.color, run, ctx.theme)
