"""Histogram: the distribution of values, whatever the shape of the particles."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel.contracts import marks
from noisereel.contracts.geometry import Box, Range
from noisereel.contracts.guides import Space
from noisereel.contracts.renderer import Moment, RenderContext, Renderer, RunView
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.trajectory import Series

from ..shared.cloud import latest, reach, sampled, unrecorded
from ..shared.paint import Ink
from .line import no_coordinate

__all__ = ["Histogram"]

CHUNK = 262_144
"""Values counted at a time, so that memory does not grow with their number."""


class Histogram(Renderer):
    """The distribution of values as a histogram of area 1: single numbers, one coordinate of points, or all pixels."""

    space: ClassVar[Space] = "graph"
    primary: ClassVar[str | None] = "axis"

    axis: int | None = Field(default=None, ge=0)
    """Index of the coordinate; if omitted, all numbers of all particles together."""
    of: Series = "x"
    """Series to show: the particles x, the estimates x0 or eps, the injected noise, or the signal α_t·x_0."""
    bins: int = Field(default=80, ge=2, le=1000)
    """Number of bins across the panel."""
    color: Ink = "blue"

    def check(self, run: RunInfo) -> str | None:
        reason = None if self.axis is None else no_coordinate(self.axis, run.event_shape)
        return reason or unrecorded(self.of, run)

    def _values(self, array: NDArray[np.floating]) -> NDArray[np.floating]:
        return array.reshape(-1) if self.axis is None else array[:, self.axis]

    def extent(self, run: RunView) -> Box | None:
        arrays = [self._values(array) for array in sampled(run, self.of)]
        x = reach(arrays)
        if x is None:
            return None
        return Box(x, (0.0, 1.06 * max(float(steps(values, x, self.bins).max()) for values in arrays)))

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        array = latest(run, self.of, moment.index)
        if array is None:
            return
        x = ctx.view.x
        height = np.repeat(steps(self._values(array), x, self.bins), 2)
        edges = np.repeat(np.linspace(*x, self.bins + 1), 2)[1:-1]
        color = ctx.theme.color(self.color)
        yield marks.Area(edges, np.zeros_like(edges), height, color, alpha=0.25)
        yield marks.Polylines((np.stack([edges, height], axis=1),), color, width=1.8)


def steps(values: NDArray[np.floating], x: Range, bins: int) -> NDArray[np.float64]:
    """Return the heights of a histogram whose area is the fraction of the values in the range, shape (bins,)."""
    parts = (values[begin : begin + CHUNK] for begin in range(0, len(values), CHUNK))
    counts = sum(np.histogram(part[np.isfinite(part)], bins, x)[0] for part in parts)
    return np.asarray(counts * bins / (len(values) * (x[1] - x[0])), np.float64)
