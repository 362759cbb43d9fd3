"""Ridge: densities of one coordinate at several times, one behind the other."""

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel.contracts import marks
from noisereel.contracts.geometry import Box, Range
from noisereel.contracts.guides import Space
from noisereel.contracts.renderer import Moment, RenderContext, Renderer, RunView
from noisereel.contracts.run_info import RunInfo

from ..shared.cloud import reach, sampled
from ..shared.grid import Source, unknown_density
from ..shared.memo import once
from ..shared.paint import hex_of
from .line import densities, no_coordinate
from .quantities import times_of

__all__ = ["Ridge"]

BINS = 256
"""Points of a ridge."""
AHEAD = 0.3
"""Opacity of future ridges."""


class Ridge(Renderer):
    """The density of one coordinate as a ridge for each of several times, data in front and noise behind.

    The base of a ridge is at the time that it shows, and all have the same scale: equal areas are equal probabilities.
    Future ridges are faint; the present one moves between them.
    """

    space: ClassVar[Space] = "graph"
    primary: ClassVar[str | None] = "rows"

    rows: int = Field(default=21, ge=2, le=200)
    """Number of ridges."""
    height: float = Field(default=5.0, gt=0, le=100)
    """Height of the highest ridge, in rows."""
    axis: int = Field(default=0, ge=0)
    """Index of the coordinate."""
    source: Source = "auto"

    def check(self, run: RunInfo) -> str | None:
        return no_coordinate(self.axis, run.event_shape) or unknown_density(self.source, run)

    def _times(self, run: RunView) -> NDArray[np.float64]:
        return np.linspace(*times_of(run), self.rows)

    def _table(self, run: RunView, x: Range) -> NDArray[np.float64]:
        """Return the densities at the times of all rows, shape (rows, `BINS`)."""
        make = lambda: densities(run, self._times(run), x, BINS, self.axis, self.source)  # noqa: E731
        return once(run, (self, x), make)

    def extent(self, run: RunView) -> Box | None:
        x = reach(array[:, self.axis] for array in sampled(run, "x"))
        if x is None:
            return None
        t, tops = self._times(run), self._table(run, x).max(axis=1)
        spacing = t[1] - t[0]
        highest = (t + self.height * spacing * tops / tops.max()).max()
        return Box(x, (float(t[0] - 0.2 * spacing), float(highest + 0.3 * spacing)))

    def _ridge(
        self, t: float, height: NDArray[np.float64], past: bool | None, fraction: float, ctx: RenderContext
    ) -> Iterator[marks.Mark]:
        """Yield a ridge that hides those behind it; ``past`` is None for the present one."""
        left, right = ctx.view.x
        x = left + (np.arange(BINS) + 0.5) * (right - left) / BINS
        base, top = np.full(BINS, t), t + height
        palette = ctx.theme.gradient()
        color = hex_of(palette, 1 - fraction)
        alpha = AHEAD if past is False else 1.0
        yield marks.Area(x, base, top, ctx.theme.color("background"), alpha=0.8)
        yield marks.Area(x, base, top, color, alpha=0.5 if past is None else 0.18 * alpha)
        line = np.stack([x, top], axis=1)
        ink = ctx.theme.color("ink") if past is None else color
        yield marks.Polylines((line,), ink, 2.4 if past is None else 1.5, alpha)

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        t, now = self._times(run), run.trajectory.times[moment.index]
        table = self._table(run, ctx.view.x)
        per_density = self.height * (t[1] - t[0]) / table.max()
        forward = run.trajectory.times[-1] >= run.trajectory.times[0]
        rows = [(at, curve, bool(at <= now if forward else at >= now)) for at, curve in zip(t, table, strict=True)]
        present = densities(run, np.array([now]), ctx.view.x, BINS, self.axis, self.source)[0]
        for at, curve, past in sorted([*rows, (now, present, None)], key=lambda row: row[0], reverse=True):
            fraction = (at - t[0]) / (t[-1] - t[0])
            yield from self._ridge(at, per_density * curve, past, fraction, ctx)
