"""Density: how particles of one number each are spread."""

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

from ..shared.cloud import VISITS, reach, sampled
from ..shared.paint import Ink

__all__ = ["Density"]

RESOLUTION = 481
"""Points of the exact curve: about one every other pixel of a panel."""


class Density(Renderer):
    """The density p_t(x) of 1-D data, exact where the data set knows it, else a histogram of the particles."""

    space: ClassVar[Space] = "graph"
    primary: ClassVar[str | None] = "histogram"

    histogram: bool = False
    """Show the particles' histogram too where the exact density is known."""
    bins: int = Field(default=80, ge=2, le=1000)
    """Bars of the histogram, over the panel's width."""
    color: Ink = "blue"
    """A role of the theme or a hex colour."""

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
        tops = [float(curve.max()) for level in _some(run) if (curve := exact(run, level, x)) is not None]
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
    """p_t at `RESOLUTION` places over a range; None where the data set does not know it."""
    if run.trajectory.data.density is None:
        return None
    places = torch.linspace(*x, RESOLUTION, dtype=torch.float64)
    return np.asarray(run.trajectory.data.density(places[:, None], level), np.float64)


def heights(particles: NDArray[np.floating], x: Range, bins: int) -> NDArray[np.float64]:
    """A histogram whose bars have area 1 together with what lies outside the range, shape (bins,)."""
    counts, edges = np.histogram(particles[np.isfinite(particles)], bins, x)
    return np.asarray(counts / (len(particles) * (edges[1] - edges[0])), np.float64)


def _some(run: RunView) -> Iterable[Level]:
    picked = np.linspace(0, len(run.trajectory.levels) - 1, VISITS).round().astype(int)
    return (run.trajectory.levels[i] for i in picked)
