"""Ridge: densities of single numbers, one behind the other through time."""

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
"""Places of a ridge."""
AHEAD = 0.3
"""Opacity of ridges that are still to come."""


class Ridge(Renderer):
    """How single numbers are spread, a ridge for each of several times, data in front and noise behind.

    A ridge stands on the time that it shows, and all have one scale: equal areas are equal probabilities. Those still
    to come are faint; the present one moves between them.
    """

    space: ClassVar[Space] = "graph"
    primary: ClassVar[str | None] = "rows"

    rows: int = Field(default=21, ge=2, le=200)
    """How many ridges."""
    height: float = Field(default=5.0, gt=0, le=100)
    """Height of the highest ridge, in rows."""
    axis: int = Field(default=0, ge=0)
    """Which coordinate."""
    source: Source = "auto"
    """exact, particles, or auto: exact where the run only adds noise to data whose law is known."""

    def check(self, run: RunInfo) -> str | None:
        return no_coordinate(self.axis, run.event_shape) or unknown_density(self.source, run)

    def _times(self, run: RunView) -> NDArray[np.float64]:
        return np.linspace(*times_of(run), self.rows)

    def _table(self, run: RunView, x: Range) -> NDArray[np.float64]:
        """The densities at all rows' times, shape (rows, `BINS`)."""
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
        self, t: float, height: NDArray[np.float64], been: bool | None, share: float, ctx: RenderContext
    ) -> Iterator[marks.Mark]:
        """A ridge that hides what is behind it; ``been`` is None for the present one."""
        left, right = ctx.view.x
        x = left + (np.arange(BINS) + 0.5) * (right - left) / BINS
        base, top = np.full(BINS, t), t + height
        palette = ctx.theme.gradient()
        color = hex_of(palette, 1 - share)
        alpha = AHEAD if been is False else 1.0
        yield marks.Area(x, base, top, ctx.theme.color("background"), alpha=0.8)
        yield marks.Area(x, base, top, color, alpha=0.5 if been is None else 0.18 * alpha)
        line = np.stack([x, top], axis=1)
        ink = ctx.theme.color("ink") if been is None else color
        yield marks.Polylines((line,), ink, 2.4 if been is None else 1.5, alpha)

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        t, now = self._times(run), run.trajectory.times[moment.index]
        table = self._table(run, ctx.view.x)
        per_density = self.height * (t[1] - t[0]) / table.max()
        forward = run.trajectory.times[-1] >= run.trajectory.times[0]
        rows = [(at, curve, bool(at <= now if forward else at >= now)) for at, curve in zip(t, table, strict=True)]
        present = densities(run, np.array([now]), ctx.view.x, BINS, self.axis, self.source)[0]
        for at, curve, been in sorted([*rows, (now, present, None)], key=lambda row: row[0], reverse=True):
            share = (at - t[0]) / (t[-1] - t[0])
            yield from self._ridge(at, per_density * curve, been, share, ctx)
