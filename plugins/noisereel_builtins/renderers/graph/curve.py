"""Curve: numbers over the run's time, a metric's or the schedule's."""

import math
from collections.abc import Iterable, Iterator
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel.contracts import marks
from noisereel.contracts.geometry import Box, Range
from noisereel.contracts.guides import Space
from noisereel.contracts.probe import Metric
from noisereel.contracts.renderer import Moment, RenderContext, Renderer, RunView
from noisereel.contracts.run_info import RunInfo
from noisereel.support.errors import suggest

from .labels import Line, apart, beside, value_label
from .quantities import QUANTITIES, schedule_line, times_of

__all__ = ["Curve"]

PALETTE = ("blue", "rose", "amber", "violet")


class _Strand(NamedTuple):
    """A number of a run: one line."""

    name: str
    run: RunView

    @property
    def line(self) -> NDArray[np.float64]:
        """(t, value), shape (m, 2); NaN where the value is not finite."""
        return (schedule_line if self.name in QUANTITIES else _metric_line)(self.run, self.name)


class _Level(NamedTuple):
    """A level worth a dotted line."""

    name: str
    value: float
    unit: str


class Curve(Renderer):
    """Numbers over the run's time, or those of several runs over one another.

    A metric is drawn bright up to now and faint beyond, with its value at now and its reference levels dotted. What the
    schedule decides (signal α_t, noise σ_t, beta, alpha_bar, snr, log_snr) is drawn whole, named at the lines, with a
    hairline at now; of several runs, all but the first are dashed.
    """

    space: ClassVar[Space] = "time"
    primary: ClassVar[str | None] = "of"

    of: str | tuple[str, ...] = Field(default=("signal", "noise"), min_length=1)
    """One or more of the numbers that the run's metrics give, and of signal, noise, beta, alpha_bar, snr, log_snr."""
    runs: tuple[str, ...] = ()
    """Names of the runs to show, each in a colour of its own; left out, the panel's run alone."""
    area: bool = True
    """Fill softly below the curve of a single metric, up to now."""
    reference: bool = True
    """Draw the levels that the metric names."""

    @property
    def _names(self) -> tuple[str, ...]:
        return (self.of,) if isinstance(self.of, str) else self.of

    def check(self, run: RunInfo) -> str | None:
        for name in self.runs:
            if name not in run.runs:
                return f"runs: unknown run '{name}'; {suggest(name, list(run.runs))}"
        shown = [run.runs[name] for name in self.runs] or [run]
        wanted = ((each, name) for each in shown for name in self._names)
        return next((message for each, name in wanted if (message := _ungiven(name, each))), None)

    def _strands(self, run: RunView) -> list[_Strand]:
        runs = [run.runs[name] for name in self.runs] or [run]
        return [_Strand(name, each) for each in runs for name in self._names]

    def extent(self, run: RunView) -> Box | None:
        strands = self._strands(run)
        ends = [times_of(strand.run) for strand in strands]
        x = min(low for low, _ in ends), max(high for _, high in ends)
        levels = self._levels(strands)
        given = [level.value for level in levels] + [float(v) for strand in strands for v in strand.line[:, 1]]
        values = [value for value in given if math.isfinite(value)]
        if not values:
            return Box(x)
        low, high = min(values), max(values)
        room = 0.05 * (high - low) or 0.5
        # A named level needs room for its name above it.
        return Box(x, (low - room, high + room * (2.5 if levels else 1)))

    def _levels(self, strands: Iterable[_Strand]) -> list[_Level]:
        """The reference levels of the metrics shown, each once."""
        named = [
            _Level(name, value, metric.unit)
            for number, run in strands
            if number not in QUANTITIES
            for metric in [_metric(run, number)]
            for name, value in metric.reference(run.trajectory.particles, run.trajectory.event_shape).items()
        ]
        return list(dict.fromkeys(named)) if self.reference else []

    def _colored(self, run: RunView, ctx: RenderContext) -> Iterator[tuple[_Strand, str]]:
        """Lines with their colours: the schedule's have their own where there is one run, the others take turns."""
        strands = self._strands(run)
        turns = iter(PALETTE * len(strands))
        for strand in strands:
            own = strand.name in QUANTITIES and len(self.runs) < 2
            yield strand, ctx.theme.color(QUANTITIES[strand.name].color if own else next(turns))

    def _told_apart(self, strand: _Strand, name: str) -> str:
        """What tells a line from the others: its run, its name, or both; nothing if there are none."""
        parts = [strand.run.trajectory.name] if len(self.runs) > 1 else []
        parts += [name] if len(self._names) > 1 else []
        return " ".join(parts)

    def backdrop(self, run: RunView, ctx: RenderContext) -> Iterable[marks.Mark]:
        for level in self._levels(self._strands(run)):
            yield from _dotted(level, ctx)
        lines = []
        for strand, color in self._colored(run, ctx):
            if strand.name in QUANTITIES:
                label = QUANTITIES[strand.name].label
                lines.append(Line(strand.line, self._told_apart(strand, label) or label, color))
                first = not self.runs or strand.run.trajectory.name == self.runs[0]
                yield marks.Polylines((strand.line,), color, width=2.5, dash="solid" if first else "dashed")
            else:
                yield marks.Polylines((strand.line,), color, width=2.0, alpha=0.4)
        yield from beside(lines, ctx.view)

    def _so_far(self, strand: _Strand, index: int, ctx: RenderContext, color: str) -> Iterator[marks.Mark]:
        line = _past(strand, index)
        known = line[np.isfinite(line[:, 1])]
        rising = np.diff(known[:, 0])
        alone = len(self._names) * max(1, len(self.runs)) == 1
        if self.area and alone and len(known) > 1 and ((rising > 0).all() or (rising < 0).all()):
            x, high = known[np.argsort(known[:, 0])].T
            yield marks.Area(x, np.full_like(x, ctx.view.y[0]), high, color)
        yield marks.Polylines((line,), color, width=2.5)
        if len(line) and np.isfinite(line[-1, 1]):
            yield marks.Points(line[-1:], color, size=5.0, alpha=1.0, edge=ctx.theme.color("background"))

    def _value(self, strand: _Strand, index: int, ctx: RenderContext, color: str) -> Iterator[marks.Text]:
        line = _past(strand, index)
        if len(line) and np.isfinite(line[-1, 1]):
            number = f"{_number(line[-1, 1], ctx.view.y)} {_metric(strand.run, strand.name).unit}".rstrip()
            words = f"{self._told_apart(strand, strand.name.replace('_', ' '))} {number}".lstrip()
            yield value_label(words, line[-1], strand.line, color, ctx.view)

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        now = run.trajectory.times[moment.index]
        if any(name in QUANTITIES for name in self._names):
            cursor = np.array([[now, ctx.view.y[0]], [now, ctx.view.y[1]]])
            yield marks.Polylines((cursor,), ctx.theme.color("muted"), width=1.2)
        labels: list[marks.Text] = []
        for strand, color in self._colored(run, ctx):
            if strand.name not in QUANTITIES:
                index = moment.index if strand.run is run else moment.indices[strand.run.trajectory.name]
                yield from self._so_far(strand, index, ctx, color)
                labels += self._value(strand, index, ctx, color)
        yield from apart(labels, ctx.view)


def _past(strand: _Strand, index: int) -> NDArray[np.float64]:
    return strand.line[: np.searchsorted(strand.run.shown, index, side="right")]


def _dotted(level: _Level, ctx: RenderContext) -> Iterator[marks.Mark]:
    left, right = ctx.view.x
    color = ctx.theme.color("muted")
    words = f"{level.name}, {_number(level.value, ctx.view.y)} {level.unit}".rstrip()
    line = np.array([[left, level.value], [right, level.value]])
    yield marks.Polylines((line,), color, width=1.2, dash="dotted")
    place, ground = (right, level.value), ctx.theme.color("background")
    yield marks.Text(place, words, color, 11.0, anchor=("right", "bottom"), offset=(0.0, 3.0), halo=ground)


def _ungiven(name: str, run: RunInfo) -> str | None:
    """Why a run cannot show a number, or None."""
    known = [*run.value_names, *QUANTITIES]
    if name in known:
        return None
    return f"of: no metric of run '{run.name}' gives '{name}'; {suggest(name, known)}"


def _metric(run: RunView, name: str) -> Metric:
    """The metric that gives a number."""
    return next(metric for metric in run.metrics if name in metric.gives)


def _metric_line(run: RunView, name: str) -> NDArray[np.float64]:
    """(t, value) at the visits shown, shape (m, 2); NaN where the value is not finite."""
    metric = _metric(run, name)
    line = np.array([(run.trajectory.times[s], float(run.value(metric, s)[name])) for s in run.shown])
    line[~np.isfinite(line[:, 1]), 1] = np.nan
    return line


def _number(value: float, y: Range) -> str:
    """A number with as many places as the panel's range can tell apart, the same in every frame."""
    places = min(max(2 - math.floor(math.log10(y[1] - y[0])), 0), 4)
    return f"{value:.{places}f}".replace("-", "−")
