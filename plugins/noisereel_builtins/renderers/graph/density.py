"""Density: the distribution of 1-D particles."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from noisereel.contracts import marks
from noisereel.contracts.geometry import Box, Range
from noisereel.contracts.guides import Space
from noisereel.contracts.renderer import Moment, RenderContext, Renderer, RunView
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.schedule import Level

from ..shared.cloud import LIMIT_VISITS, reach, sampled
from ..shared.paint import Ink

__all__ = ["Density"]

RESOLUTION = 481
"""Points of the exact curve: about one for every second pixel of a panel."""


class Density(Renderer):
    """The density p_t(x) of 1-D data: exact if the data set defines it, else a histogram of the particles."""

    space: ClassVar[Space] = "graph"
    primary: ClassVar[str | None] = "histogram"

    histogram: bool = False
    """Show the particles' histogram even if the exact density is known."""
    bins: int = Field(default=80, ge=2, le=1000)
    """Number of bars of the histogram across the panel."""
    color: Ink = "blue"

    def check(self, run: RunInfo) -> str | None:
        event_shape = run.event_shape
        return (
            None if event_shape == (1,) else f"shows the density of single numbers, event shape (1,), not {event_shape}"
        )

    def extent(self, run: RunView) -> Box | None:
        arrays = [a[:, 0] for a in sampled(run, "x")]
        x = reach(arrays)
        if x is None:
            return None
        tops = [float(curve.max()) for level in _spread_levels(run) if (curve := exact(run, level, x)) is not None]
        tops = tops or [float(heights(a, x, self.bins).max()) for a in arrays]
        return Box(x, (0.0, 1.06 * max(top for top in tops if np.isfinite(top))))

    def _bars(self, run: RunView, moment: Moment, ctx: RenderContext, color: str) -> Iterable[marks.Mark]:
        particles = run.trajectory.series("x", moment.index)
        if particles is not None:
            height = np.repeat(heights(particles[:, 0], ctx.view.x, self.bins), 2)
            edges = np.repeat(np.linspace(*ctx.view.x, self.bins + 1), 2)[1:-1]
            yield marks.Area(edges, np.zeros_like(edges), height, color, alpha=0.35)

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        curve = exact(run, moment.level, ctx.view.x)
        color = ctx.theme.color(self.color)
        if self.histogram or curve is None:
            yield from self._bars(run, moment, ctx, color if curve is None else ctx.theme.color("muted"))
        if curve is not None:
            x = np.linspace(*ctx.view.x, RESOLUTION)
            yield marks.Area(x, np.zeros_like(x), curve, color, alpha=0.15)
            yield marks.Polylines((np.stack([x, curve], axis=1),), color, width=2.5)


def exact(run: RunView, level: Level, x: Range) -> NDArray[np.float64] | None:
    """Return p_t at `RESOLUTION` points over a range; None if the data set does not define it."""
    if run.trajectory.data.density is None:
        return None
    points = torch.linspace(*x, RESOLUTION, dtype=torch.float64)
    return np.asarray(run.trajectory.data.density(points[:, None], level), np.float64)


def heights(particles: NDArray[np.floating], x: Range, bins: int) -> NDArray[np.float64]:
    """Return a histogram whose area is the fraction of the particles in the range, shape (bins,)."""
    counts, edges = np.histogram(particles[np.isfinite(particles)], bins, x)
    return np.asarray(counts / (len(particles) * (edges[1] - edges[0])), np.float64)


def _spread_levels(run: RunView) -> Iterable[Level]:
    indices = np.linspace(0, len(run.trajectory.levels) - 1, LIMIT_VISITS).round().astype(int)
    return (run.trajectory.levels[i] for i in indices)
