"""Schedules: the run's schedule over others that it is compared with."""

import math
import re
from collections.abc import Iterable
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from noisereel.contracts import marks
from noisereel.contracts.geometry import Box
from noisereel.contracts.guides import Space
from noisereel.contracts.renderer import Moment, RenderContext, Renderer, RunView
from noisereel.contracts.schedule import Schedule

from .labels import Line, beside
from .quantities import QUANTITIES

__all__ = ["Schedules"]

PALETTE = ("blue", "rose", "amber", "violet")
SAMPLES = 241
"""Points of a curve: more than one every other pixel of a small panel."""
FAR = 20.0
"""Log-SNR beyond ±20 is clean data or pure noise to any eye; SNR beyond 20 leaves no room for the rest."""


class Schedules(Renderer):
    """One quantity of the run's schedule over time, and dashed that of others, each named at its line."""

    space: ClassVar[Space] = "time"
    primary: ClassVar[str | None] = "of"

    of: Literal["signal", "noise", "beta", "alpha_bar", "snr", "log_snr"] = "alpha_bar"
    """signal α_t, noise σ_t, beta (of one unit of time), alpha_bar ᾱ_t = α_t², snr α_t²/σ_t², or its logarithm."""
    beside: tuple[Schedule, ...] = ()
    """Schedules to draw dashed beside the run's."""
    names: tuple[str, ...] = ()
    """What stands at the lines, the run's own first; left out, what kind of schedule each is."""
    own: bool = True
    """Draw the run's schedule; without it, the others alone take turns in the colours."""

    def _lines(self, run: RunView, ctx: RenderContext) -> list[Line]:
        schedules = ([run.trajectory.schedule] if self.own else []) + list(self.beside)
        named = [*self.names, *(_kind(schedule) for schedule in schedules[len(self.names) :])]
        return [
            Line(line_of(schedule, self.of), name, ctx.theme.color(PALETTE[i % len(PALETTE)]))
            for i, (schedule, name) in enumerate(zip(schedules, named, strict=False))
        ]

    def extent(self, run: RunView) -> Box | None:
        lines = [line_of(schedule, self.of) for schedule in (run.trajectory.schedule, *self.beside)]
        values = np.concatenate([line[:, 1] for line in lines])
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        room = 0.05 * (high - low) or 0.5
        return Box((0.0, float(max(line[-1, 0] for line in lines))), (low - room, high + room))

    def backdrop(self, run: RunView, ctx: RenderContext) -> Iterable[marks.Mark]:
        lines = self._lines(run, ctx)
        for i, line in reversed([*enumerate(lines)]):
            yield marks.Polylines((line.xy,), line.color, 2.5 if i == 0 else 1.8, dash="dashed" if i else "solid")
        yield from beside(lines, ctx.view)

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        cursor = np.array([[moment.level.t, ctx.view.y[0]], [moment.level.t, ctx.view.y[1]]])
        yield marks.Polylines((cursor,), ctx.theme.color("muted"), width=1.2)


def line_of(schedule: Schedule, name: str) -> NDArray[np.float64]:
    """(t, value) all over a schedule's time, shape (`SAMPLES`, 2); NaN where the value cannot be shown."""
    times = np.linspace(0, schedule.T, SAMPLES)
    values = np.array([QUANTITIES[name].at(schedule, float(t)) for t in times])
    seen = np.isfinite(values) & (np.abs(values) <= (FAR if name in ("snr", "log_snr") else math.inf))
    return np.stack([times, np.where(seen, values, np.nan)], axis=1)


def _kind(schedule: Schedule) -> str:
    """A class's name as words: RandomWalk is "random walk"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(schedule).__name__).lower()
