"""Curve: numbers over the run's time, a metric's or the schedule's."""

import math
from collections.abc import Iterable, Iterator
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel import marks
from noisereel.errors import UsageError, suggest
from noisereel.figure import Box, Look, Range
from noisereel.probe import Metric
from noisereel.record import Record
from noisereel.renderer import Moment, Renderer, Space

from ._labels import Line, beside, value_label
from ._quantities import QUANTITIES, schedule_line, times_of

__all__ = ["Curve"]


class _Level(NamedTuple):
    """A level worth a dotted line."""

    name: str
    value: float
    unit: str


PALETTE = ("blue", "rose", "amber", "violet")


class Curve(Renderer):
    """Numbers over the run's time.

    A metric of the run is drawn bright up to now and faint beyond, with its value at now and its reference levels
    dotted. What the schedule decides (signal α_t, noise σ_t, beta, alpha_bar, snr, log_snr) is drawn whole, named at
    the lines, with a hairline at now.
    """

    space: ClassVar[Space] = "time"
    primary: ClassVar[str | None] = "of"

    of: str | tuple[str, ...] = Field(default=("signal", "noise"), min_length=1)
    """One or more of the numbers that the run's metrics give, and of signal, noise, beta, alpha_bar, snr, log_snr."""
    area: bool = True
    """Fill softly below a metric's curve, up to now."""
    reference: bool = True
    """Draw the levels that the metric names."""

    @property
    def _names(self) -> tuple[str, ...]:
        return (self.of,) if isinstance(self.of, str) else self.of

    def extent(self, record: Record) -> Box | None:
        values = [v for name in self._names for v in self._range(record, name) if math.isfinite(v)]
        if not values:
            return Box(times_of(record))
        low, high = min(values), max(values)
        room = 0.05 * (high - low) or 0.5
        # A named level needs room for its name above it.
        return Box(times_of(record), (low - room, high + room * (2.5 if self._levels(record) else 1)))

    def _range(self, record: Record, name: str) -> list[float]:
        if name in QUANTITIES:
            return [float(v) for v in schedule_line(record, name)[:, 1]]
        return [float(v) for v in _metric_line(record, name)[:, 1]] + [level.value for level in self._levels(record)]

    def _levels(self, record: Record) -> list[_Level]:
        """The reference levels of the metrics shown, each metric's once."""
        metrics = dict.fromkeys(_metric(record, name) for name in self._names if name not in QUANTITIES)
        named = [(m, n, v) for m in metrics for n, v in m.reference(record.particles, record.event).items()]
        return [_Level(n, v, m.unit) for m, n, v in named] if self.reference else []

    def backdrop(self, record: Record, look: Look) -> Iterable[marks.Mark]:
        for level in self._levels(record):
            yield from _dotted(level, look)
        lines = []
        for name, color in self._colored(look):
            if name in QUANTITIES:
                lines.append(Line(schedule_line(record, name), QUANTITIES[name].label, color))
                yield marks.Polylines((lines[-1].xy,), color, width=2.5)
            else:
                yield marks.Polylines((_metric_line(record, name),), color, width=2.0, alpha=0.4)
        yield from beside(lines, look.view)

    def _colored(self, look: Look) -> Iterator[tuple[str, str]]:
        """Names with their colours: the schedule's have their own, metrics take turns."""
        turns = iter(PALETTE * len(self._names))
        for name in self._names:
            yield name, look.theme.color(QUANTITIES[name].color if name in QUANTITIES else next(turns))

    def _so_far(self, record: Record, name: str, moment: Moment, look: Look, color: str) -> Iterator[marks.Mark]:
        whole = _metric_line(record, name)
        line = whole[: np.searchsorted(record.shown, moment.step, side="right")]
        past = line[np.isfinite(line[:, 1])]
        rising = np.diff(past[:, 0])
        if self.area and len(past) > 1 and ((rising > 0).all() or (rising < 0).all()):
            x, high = past[np.argsort(past[:, 0])].T
            yield marks.Area(x, np.full_like(x, look.view.y[0]), high, color)
        yield marks.Polylines((line,), color, width=2.5)
        if len(line) and np.isfinite(line[-1, 1]):
            yield marks.Points(line[-1:], color, size=5.0, alpha=1.0, edge=look.theme.color("background"))
            words = f"{_number(line[-1, 1], look.view.y)} {_metric(record, name).unit}".rstrip()
            words = words if len(self._names) == 1 else f"{name} {words}"
            yield value_label(words, line[-1], whole, color, look.view)

    def marks(self, record: Record, moment: Moment, look: Look) -> Iterable[marks.Mark]:
        now = moment.level.t
        if any(name in QUANTITIES for name in self._names):
            cursor = np.array([[now, look.view.y[0]], [now, look.view.y[1]]])
            yield marks.Polylines((cursor,), look.theme.color("muted"), width=1.2)
        for name, color in self._colored(look):
            if name not in QUANTITIES:
                yield from self._so_far(record, name, moment, look, color)


def _dotted(level: _Level, look: Look) -> Iterator[marks.Mark]:
    left, right = look.view.x
    color = look.theme.color("muted")
    words = f"{level.name}, {_number(level.value, look.view.y)} {level.unit}".rstrip()
    line = np.array([[left, level.value], [right, level.value]])
    yield marks.Polylines((line,), color, width=1.2, dash="dotted")
    yield marks.Text((right, level.value), words, color, 11.0, anchor=("right", "bottom"), offset=(0.0, 3.0))


def _metric(record: Record, name: str) -> Metric:
    """The metric that gives a number.

    Raises:
        UsageError: None of the run's does.
    """
    for metric in record.metrics:
        if name in metric.gives:
            return metric
    known = [n for metric in record.metrics for n in metric.gives] + list(QUANTITIES)
    raise UsageError(f"curve: no metric of run '{record.name}' gives '{name}'; {suggest(name, known)}")


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
