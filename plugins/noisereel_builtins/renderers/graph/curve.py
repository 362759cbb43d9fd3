"""Curve: values of metrics or of the schedule over the run's time."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel.contracts import marks
from noisereel.contracts.calls import call
from noisereel.contracts.geometry import Box, Range
from noisereel.contracts.guides import Space
from noisereel.contracts.probe import Metric
from noisereel.contracts.renderer import Moment, RenderContext, Renderer, RunView
from noisereel.contracts.run_info import RunInfo
from noisereel.support.errors import suggest
from noisereel.support.markup import plain
from noisereel.support.numbers import number_text

from .labels import Line, apart, beside, value_label
from .quantities import QUANTITIES, schedule_line, times_of

__all__ = ["Curve"]

PALETTE = ("blue", "rose", "amber", "violet")


class _RunValue(NamedTuple):
    """A named value of a run, drawn as one line."""

    name: str
    run: RunView

    @property
    def line(self) -> NDArray[np.float64]:
        """(t, value), shape (m, 2); NaN where the value is not finite."""
        return (schedule_line if self.name in QUANTITIES else _metric_line)(self.run, self.name)


def _size(run: RunView) -> tuple[int, tuple[int, ...]]:
    return run.trajectory.particles, run.trajectory.event_shape


class _ReferenceLevel(NamedTuple):
    """A level to draw as a dotted line."""

    name: str
    value: float
    unit: str


class Curve(Renderer):
    """Values over the run's time, or those of several runs in one graph.

    A metric is drawn bright up to the present and faint beyond, with its present value, and its reference levels as
    dotted lines. Quantities of the schedule (signal α_t, noise σ_t, beta, alpha_bar, snr, log_snr) are drawn whole,
    with their names at the lines and a hairline at the present; of several runs, all but the first are dashed.
    """

    space: ClassVar[Space] = "time"
    primary: ClassVar[str | None] = "of"

    of: str | tuple[str, ...] = Field(default=("signal", "noise"), min_length=1)
    """Names of one or more values: of the run's metrics, or signal, noise, beta, alpha_bar, snr, log_snr."""
    runs: tuple[str, ...] = ()
    """Names of the runs to show, in different colours; by default only the panel's run."""
    area: bool = True
    """Fill the area below the curve of a single metric, up to the present."""
    reference: bool = True
    """Draw the metrics' reference levels."""

    @property
    def _names(self) -> tuple[str, ...]:
        """The values' names; those of metrics may be written as they are registered, with hyphens."""
        names = (self.of,) if isinstance(self.of, str) else self.of
        return tuple(name.replace("-", "_") for name in names)

    def check(self, run: RunInfo) -> str | None:
        for name in self.runs:
            if name not in run.runs:
                return f"runs: unknown run '{name}'; {suggest(name, list(run.runs))}"
        shown = [run.runs[name] for name in self.runs] or [run]
        values = ((shown_run, name) for shown_run in shown for name in self._names)
        return next((message for shown_run, name in values if (message := _unknown_value(name, shown_run))), None)

    def _values(self, run: RunView) -> list[_RunValue]:
        runs = [run.runs[name] for name in self.runs] or [run]
        return [_RunValue(name, shown_run) for shown_run in runs for name in self._names]

    def extent(self, run: RunView) -> Box | None:
        values = self._values(run)
        ends = [times_of(value.run) for value in values]
        x = min(low for low, _ in ends), max(high for _, high in ends)
        levels = self._reference_levels(values)
        heights = [level.value for level in levels] + [float(y) for value in values for y in value.line[:, 1]]
        finite = [height for height in heights if math.isfinite(height)]
        if not finite:
            return Box(x)
        low, high = min(finite), max(finite)
        margin = 0.05 * (high - low) or 0.5
        # A reference level needs space for its name above it.
        return Box(x, (low - margin, high + margin * (2.5 if levels else 1)))

    def _reference_levels(self, values: Iterable[_RunValue]) -> list[_ReferenceLevel]:
        """Return the reference levels of the metrics shown, without duplicates."""
        levels = [
            _ReferenceLevel(name, level, call(metric, "unit_of", value_name, returns=str))
            for value_name, run in values
            if value_name not in QUANTITIES
            for metric in [_metric(run, value_name)]
            for name, level in call(metric, "reference", *_size(run), returns=Mapping).items()
        ]
        return list(dict.fromkeys(levels)) if self.reference else []

    def _colored(self, run: RunView, ctx: RenderContext) -> Iterator[tuple[_RunValue, str]]:
        """Yield values with their colours: fixed ones for quantities of a single run's schedule, else the palette's."""
        values = self._values(run)
        palette = iter(PALETTE * len(values))
        for value in values:
            fixed = value.name in QUANTITIES and len(self.runs) < 2
            yield value, ctx.theme.color(QUANTITIES[value.name].color if fixed else next(palette))

    def _label(self, value: _RunValue, name: str) -> str:
        """Return the text that distinguishes a line from the others: its run, its name, or both; empty for one line."""
        parts = [plain(value.run.trajectory.name)] if len(self.runs) > 1 else []
        parts += [name] if len(self._names) > 1 else []
        return " ".join(parts)

    def backdrop(self, run: RunView, ctx: RenderContext) -> Iterable[marks.Mark]:
        for level in self._reference_levels(self._values(run)):
            yield from _dotted_line(level, ctx)
        lines = []
        for value, color in self._colored(run, ctx):
            if value.name in QUANTITIES:
                label = QUANTITIES[value.name].label
                lines.append(Line(value.line, self._label(value, label) or label, color))
                first = not self.runs or value.run.trajectory.name == self.runs[0]
                yield marks.Polylines((value.line,), color, width=2.5, dash="solid" if first else "dashed")
            else:
                yield marks.Polylines((value.line,), color, width=2.0, alpha=0.4)
        yield from beside(lines, ctx.view)

    def _line_up_to(self, index: int, value: _RunValue, ctx: RenderContext, color: str) -> Iterator[marks.Mark]:
        line = _past(value, index)
        known = line[np.isfinite(line[:, 1])]
        time_steps = np.diff(known[:, 0])
        alone = len(self._names) * max(1, len(self.runs)) == 1
        if self.area and alone and len(known) > 1 and ((time_steps > 0).all() or (time_steps < 0).all()):
            x, high = known[np.argsort(known[:, 0])].T
            yield marks.Area(x, np.full_like(x, ctx.view.y[0]), high, color)
        yield marks.Polylines((line,), color, width=2.5)
        if len(line) and np.isfinite(line[-1, 1]):
            yield marks.Points(line[-1:], color, size=5.0, alpha=1.0, edge=ctx.theme.color("background"))

    def _value_at(self, index: int, value: _RunValue, ctx: RenderContext, color: str) -> Iterator[marks.Text]:
        line = _past(value, index)
        if len(line) and np.isfinite(line[-1, 1]):
            unit = call(_metric(value.run, value.name), "unit_of", value.name, returns=str)
            number = f"{_formatted(line[-1, 1], ctx.view.y)} {unit}".rstrip()
            text = f"{self._label(value, plain(value.name.replace('_', ' ')))} {number}".lstrip()
            yield value_label(text, line[-1], value.line, color, ctx.view)

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        now = run.trajectory.times[moment.index]
        if any(name in QUANTITIES for name in self._names):
            cursor = np.array([[now, ctx.view.y[0]], [now, ctx.view.y[1]]])
            yield marks.Polylines((cursor,), ctx.theme.color("muted"), width=1.2)
        labels: list[marks.Text] = []
        for value, color in self._colored(run, ctx):
            if value.name not in QUANTITIES:
                index = moment.index if value.run is run else moment.indices[value.run.trajectory.name]
                yield from self._line_up_to(index, value, ctx, color)
                labels += self._value_at(index, value, ctx, color)
        yield from apart(labels, ctx.view)


def _past(value: _RunValue, index: int) -> NDArray[np.float64]:
    return value.line[: np.searchsorted(value.run.shown, index, side="right")]


def _dotted_line(level: _ReferenceLevel, ctx: RenderContext) -> Iterator[marks.Mark]:
    left, right = ctx.view.x
    color = ctx.theme.color("muted")
    text = f"{level.name}, {_formatted(level.value, ctx.view.y)} {level.unit}".rstrip()
    line = np.array([[left, level.value], [right, level.value]])
    yield marks.Polylines((line,), color, width=1.2, dash="dotted")
    position, halo = (right, level.value), ctx.theme.color("background")
    yield marks.Text(position, text, color, 11.0, anchor=("right", "bottom"), offset=(0.0, 3.0), halo=halo)


def _unknown_value(name: str, run: RunInfo) -> str | None:
    """Return the message that a run has no value of this name, or None if it has."""
    known = [*run.value_names, *QUANTITIES]
    if name in known:
        return None
    return f"of: no metric of run '{run.name}' gives '{name}'; {suggest(name, known)}"


def _metric(run: RunView, name: str) -> Metric:
    """Return the metric that gives a value."""
    return next(metric for metric in run.metrics if name in metric.gives)


def _metric_line(run: RunView, name: str) -> NDArray[np.float64]:
    """Return (t, value) at the visits shown, shape (m, 2); NaN where the value is not finite."""
    metric = _metric(run, name)
    line = np.array([(run.trajectory.times[s], float(run.value(metric, s)[name])) for s in run.shown])
    line[~np.isfinite(line[:, 1]), 1] = np.nan
    return line


def _formatted(value: float, y: Range) -> str:
    """Format a number with the decimal places that the panel's range resolves, the same in every frame."""
    places = min(max(2 - math.floor(math.log10(y[1] - y[0])), 0), 4)
    return number_text(value, f".{places}f")
