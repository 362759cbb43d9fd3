"""Schedules: the run's schedule compared with others."""

import math
import re
from collections.abc import Iterable
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator

from noisereel.contracts import marks
from noisereel.contracts.geometry import Box
from noisereel.contracts.guides import Space
from noisereel.contracts.renderer import Moment, RenderContext, Renderer, RunView
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.schedule import Schedule
from noisereel.support.markup import with_formulas
from noisereel.support.template import formula_fault

from .labels import Line, beside
from .quantities import QUANTITIES

__all__ = ["Schedules"]

PALETTE = ("blue", "rose", "amber", "violet")
SAMPLES = 241
"""Points of a curve: more than one for every second pixel of a small panel."""
FAR = 20.0
"""Log-SNRs beyond ±20 look like clean data or pure noise; SNRs beyond 20 leave no space for the rest of the curve."""


class Schedules(Renderer):
    """One quantity of the run's schedule over time, and of others as dashed lines, with names at the lines."""

    space: ClassVar[Space] = "time"
    primary: ClassVar[str | None] = "of"

    of: Literal["signal", "noise", "beta", "alpha_bar", "snr", "log_snr"] = "alpha_bar"
    """signal α_t, noise σ_t, beta (of one unit of time), alpha_bar ᾱ_t = α_t², snr α_t²/σ_t², or its logarithm."""
    beside: tuple[Schedule, ...] = ()
    """Other schedules, drawn dashed."""
    names: tuple[str, ...] = ()
    """Names at the lines, starting with the run's own schedule; by default the kind of each."""
    own: bool = True
    """Draw the run's own schedule."""

    @field_validator("of", mode="before")
    @classmethod
    def _with_underscores(cls, of: object) -> object:
        return of.replace("-", "_") if isinstance(of, str) else of

    def check(self, run: RunInfo) -> str | None:
        return next((f"names: {fault}" for name in self.names if (fault := formula_fault(name))), None)

    def _lines(self, run: RunView, ctx: RenderContext) -> list[Line]:
        schedules = ([run.trajectory.schedule] if self.own else []) + list(self.beside)
        names = [*map(with_formulas, self.names), *(_kind(schedule) for schedule in schedules[len(self.names) :])]
        return [
            Line(line_of(schedule, self.of), name, ctx.theme.color(PALETTE[i % len(PALETTE)]))
            for i, (schedule, name) in enumerate(zip(schedules, names, strict=False))
        ]

    def extent(self, run: RunView) -> Box | None:
        lines = [line_of(schedule, self.of) for schedule in (run.trajectory.schedule, *self.beside)]
        values = np.concatenate([line[:, 1] for line in lines])
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        margin = 0.05 * (high - low) or 0.5
        return Box((0.0, float(max(line[-1, 0] for line in lines))), (low - margin, high + margin))

    def backdrop(self, run: RunView, ctx: RenderContext) -> Iterable[marks.Mark]:
        lines = self._lines(run, ctx)
        for i, line in reversed([*enumerate(lines)]):
            yield marks.Polylines((line.xy,), line.color, 2.5 if i == 0 else 1.8, dash="dashed" if i else "solid")
        yield from beside(lines, ctx.view)

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        cursor = np.array([[moment.level.t, ctx.view.y[0]], [moment.level.t, ctx.view.y[1]]])
        yield marks.Polylines((cursor,), ctx.theme.color("muted"), width=1.2)


def line_of(schedule: Schedule, name: str) -> NDArray[np.float64]:
    """Return (t, value) over a schedule's time, shape (`SAMPLES`, 2); NaN where the value cannot be shown."""
    times = np.linspace(0, schedule.T, SAMPLES)
    values = np.array([QUANTITIES[name].at(schedule, float(t)) for t in times])
    visible = np.isfinite(values) & (np.abs(values) <= (FAR if name in ("snr", "log_snr") else math.inf))
    return np.stack([times, np.where(visible, values, np.nan)], axis=1)


def _kind(schedule: Schedule) -> str:
    """Return the schedule's class name as words: "random walk" for RandomWalk."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(schedule).__name__).lower()
