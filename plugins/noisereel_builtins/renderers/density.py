"""Density: how particles of one number each are spread."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from noisereel import marks
from noisereel.figure import Box, Look, Range
from noisereel.record import Record
from noisereel.renderer import Moment, Renderer, Space
from noisereel.schedule import Level
from noisereel.subject import Subject

from ._cloud import VISITS, reach, sampled
from ._paint import Ink

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

    def check(self, subject: Subject) -> str | None:
        event = subject.event
        return None if event == (1,) else f"shows the density of single numbers, event shape (1,), not {event}"

    def extent(self, record: Record) -> Box | None:
        arrays = [a[:, 0] for a in sampled(record, "x")]
        x = reach(arrays)
        if x is None:
            return None
        tops = [float(curve.max()) for level in _some(record) if (curve := exact(record, level, x)) is not None]
        tops = tops or [float(heights(a, x, self.bins).max()) for a in arrays]
        return Box(x, (0.0, 1.06 * max(top for top in tops if np.isfinite(top))))

    def _bars(self, record: Record, moment: Moment, look: Look, color: str) -> Iterable[marks.Mark]:
        particles = record.series("x", moment.step)
        if particles is not None:
            height = np.repeat(heights(particles[:, 0], look.view.x, self.bins), 2)
            edges = np.repeat(np.linspace(*look.view.x, self.bins + 1), 2)[1:-1]
            yield marks.Area(edges, np.zeros_like(edges), height, color, alpha=0.35)

    def marks(self, record: Record, moment: Moment, look: Look) -> Iterable[marks.Mark]:
        curve = exact(record, moment.level, look.view.x)
        color = look.theme.color(self.color)
        if self.histogram or curve is None:
            yield from self._bars(record, moment, look, color if curve is None else look.theme.color("muted"))
        if curve is not None:
            x = np.linspace(*look.view.x, RESOLUTION)
            yield marks.Area(x, np.zeros_like(x), curve, color, alpha=0.15)
            yield marks.Polylines((np.stack([x, curve], axis=1),), color, width=2.5)


def exact(record: Record, level: Level, x: Range) -> NDArray[np.float64] | None:
    """p_t at `RESOLUTION` places over a range; None where the data set does not know it."""
    if record.data.density is None:
        return None
    places = torch.linspace(*x, RESOLUTION, dtype=torch.float64)
    return np.asarray(record.data.density(places[:, None], level), np.float64)


def heights(particles: NDArray[np.floating], x: Range, bins: int) -> NDArray[np.float64]:
    """A histogram whose bars have area 1 together with what lies outside the range, shape (bins,)."""
    counts, edges = np.histogram(particles[np.isfinite(particles)], bins, x)
    return np.asarray(counts / (len(particles) * (edges[1] - edges[0])), np.float64)


def _some(record: Record) -> Iterable[Level]:
    picked = np.linspace(0, len(record.levels) - 1, VISITS).round().astype(int)
    return (record.levels[i] for i in picked)
