"""Curve: numbers over the run's time, a metric's or the schedule's."""

import math
from collections.abc import Iterable, Iterator
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel import marks
from noisereel.errors import suggest
from noisereel.figure import Box, Look, Range
from noisereel.probe import Metric
from noisereel.record import Record
from noisereel.renderer import Moment, Renderer, Space
from noisereel.subject import Subject

from ._labels import Line, apart, beside, value_label
from ._quantities import QUANTITIES, schedule_line, times_of

__all__ = ["Curve"]

PALETTE = ("blue", "rose", "amber", "violet")


class _Strand(NamedTuple):
    """A number of a run: one line."""

    name: str
    record: Record

    @property
    def line(self) -> NDArray[np.float64]:
        """(t, value), shape (m, 2); NaN where the value is not finite."""
        return (schedule_line if self.name in QUANTITIES else _metric_line)(self.record, self.name)


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

    def check(self, subject: Subject) -> str | None:
        for run in self.runs:
            if run not in subject.beside:
                return f"runs: unknown run '{run}'; {suggest(run, list(subject.beside))}"
        shown = [subject.beside[run] for run in self.runs] or [subject]
        wanted = ((each, name) for each in shown for name in self._names)
        return next((said for each, name in wanted if (said := _ungiven(name, each))), None)

    def _strands(self, record: Record) -> list[_Strand]:
        records = [record.beside[run] for run in self.runs] or [record]
        return [_Strand(name, each) for each in records for name in self._names]

    def extent(self, record: Record) -> Box | None:
        strands = self._strands(record)
        ends = [times_of(strand.record) for strand in strands]
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
            for number, record in strands
            if number not in QUANTITIES
            for metric in [_metric(record, number)]
            for name, value in metric.reference(record.particles, record.event).items()
        ]
        return list(dict.fromkeys(named)) if self.reference else []

    def _colored(self, record: Record, look: Look) -> Iterator[tuple[_Strand, str]]:
        """Lines with their colours: the schedule's have their own where there is one run, the others take turns."""
        strands = self._strands(record)
        turns = iter(PALETTE * len(strands))
        for strand in strands:
            own = strand.name in QUANTITIES and len(self.runs) < 2
            yield strand, look.theme.color(QUANTITIES[strand.name].color if own else next(turns))

    def _told_apart(self, strand: _Strand, name: str) -> str:
        """What tells a line from the others: its run, its name, or both; nothing if there are none."""
        parts = [strand.record.name] if len(self.runs) > 1 else []
        parts += [name] if len(self._names) > 1 else []
        return " ".join(parts)

    def backdrop(self, record: Record, look: Look) -> Iterable[marks.Mark]:
        for level in self._levels(self._strands(record)):
            yield from _dotted(level, look)
        lines = []
        for strand, color in self._colored(record, look):
            if strand.name in QUANTITIES:
                label = QUANTITIES[strand.name].label
                lines.append(Line(strand.line, self._told_apart(strand, label) or label, color))
                first = not self.runs or strand.record.name == self.runs[0]
                yield marks.Polylines((strand.line,), color, width=2.5, dash="solid" if first else "dashed")
            else:
                yield marks.Polylines((strand.line,), color, width=2.0, alpha=0.4)
        yield from beside(lines, look.view)

    def _so_far(self, strand: _Strand, step: int, look: Look, color: str) -> Iterator[marks.Mark]:
        line = _past(strand, step)
        known = line[np.isfinite(line[:, 1])]
        rising = np.diff(known[:, 0])
        alone = len(self._names) * max(1, len(self.runs)) == 1
        if self.area and alone and len(known) > 1 and ((rising > 0).all() or (rising < 0).all()):
            x, high = known[np.argsort(known[:, 0])].T
            yield marks.Area(x, np.full_like(x, look.view.y[0]), high, color)
        yield marks.Polylines((line,), color, width=2.5)
        if len(line) and np.isfinite(line[-1, 1]):
            yield marks.Points(line[-1:], color, size=5.0, alpha=1.0, edge=look.theme.color("background"))

    def _value(self, strand: _Strand, step: int, look: Look, color: str) -> Iterator[marks.Text]:
        line = _past(strand, step)
        if len(line) and np.isfinite(line[-1, 1]):
            number = f"{_number(line[-1, 1], look.view.y)} {_metric(strand.record, strand.name).unit}".rstrip()
            words = f"{self._told_apart(strand, strand.name.replace('_', ' '))} {number}".lstrip()
            yield value_label(words, line[-1], strand.line, color, look.view)

    def marks(self, record: Record, moment: Moment, look: Look) -> Iterable[marks.Mark]:
        now = record.times[moment.step]
        if any(name in QUANTITIES for name in self._names):
            cursor = np.array([[now, look.view.y[0]], [now, look.view.y[1]]])
            yield marks.Polylines((cursor,), look.theme.color("muted"), width=1.2)
        labels: list[marks.Text] = []
        for strand, color in self._colored(record, look):
            if strand.name not in QUANTITIES:
                step = moment.step if strand.record is record else moment.steps[strand.record.name]
                yield from self._so_far(strand, step, look, color)
                labels += self._value(strand, step, look, color)
        yield from apart(labels, look.view)


def _past(strand: _Strand, step: int) -> NDArray[np.float64]:
    return strand.line[: np.searchsorted(strand.record.shown, step, side="right")]


def _dotted(level: _Level, look: Look) -> Iterator[marks.Mark]:
    left, right = look.view.x
    color = look.theme.color("muted")
    words = f"{level.name}, {_number(level.value, look.view.y)} {level.unit}".rstrip()
    line = np.array([[left, level.value], [right, level.value]])
    yield marks.Polylines((line,), color, width=1.2, dash="dotted")
    place, ground = (right, level.value), look.theme.color("background")
    yield marks.Text(place, words, color, 11.0, anchor=("right", "bottom"), offset=(0.0, 3.0), halo=ground)


def _ungiven(name: str, subject: Subject) -> str | None:
    """Why a run cannot show a number, or None."""
    known = [*subject.numbers, *QUANTITIES]
    if name in known:
        return None
    return f"of: no metric of run '{subject.name}' gives '{name}'; {suggest(name, known)}"


def _metric(record: Record, name: str) -> Metric:
    """The metric that gives a number."""
    return next(metric for metric in record.metrics if name in metric.gives)


def _metric_line(record: Record, name: str) -> NDArray[np.float64]:
    """(t, value) at the visits shown, shape (m, 2); NaN where the value is not finite."""
    metric = _metric(record, name)
    line = np.array([(record.times[s], float(record.value(metric, s)[name])) for s in record.shown])
    line[~np.isfinite(line[:, 1]), 1] = np.nan
    return line


def _number(value: float, y: Range) -> str:
    """A number with as many places as the panel's range can tell apart, the same in every frame."""
    places = min(max(2 - math.floor(math.log10(y[1] - y[0])), 0), 4)
    return f"{value:.{places}f}".replace("-", "−")
