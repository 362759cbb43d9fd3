"""Timelines: which visited state each frame of a film shows, and for how long."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .scene import Slow
    from .schedule import Level

__all__ = ["LOG_SNR_CLIP", "Align", "Ease", "Tick", "TimelineError", "timeline"]

Align = Literal["progress", "t", "log-snr", "calls"]
Ease = Literal["linear", "in-out"]

LOG_SNR_CLIP = 10.0
"""Beyond ±10 a log-SNR counts as ±10: clean data and pure noise, where it is infinite, lie at these ends.

It is about what DDPM's linear schedule spans (9.2 to −10.1); σ or α is below 0.0068 there, less than a picture shows.
"""


class TimelineError(ValueError):
    """A film that its runs cannot give.

    Attributes:
        field: What of the film asks for it: ``align``, ``slow.0.at``.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Tick:
    """One frame of a film.

    Attributes:
        index: Position in the film.
        fraction: How far its runs are, in [0, 1]; falls where the film runs backwards.
        steps: The visit that each run shows.
        duration: How long it is shown, in seconds.
    """

    index: int
    fraction: float
    steps: Mapping[str, int]
    duration: Fraction


def timeline(
    paths: Mapping[str, Sequence[Level]],
    *,
    frames: int,
    fps: Fraction,
    hold: tuple[float, float] = (0.0, 0.0),
    ease: Ease = "in-out",
    align: Align = "progress",
    slow: Sequence[Slow] = (),
    reverse: bool = False,
    boomerang: bool = False,
    poster: bool = False,
    calls: Mapping[str, Sequence[int]] | None = None,
    training: Mapping[str, Sequence[int]] | None = None,
) -> tuple[Tick, ...]:
    """The film's ticks. Every tick shows visited states; the first shows the first of every run, the last the last.

    In reverse it is the other way round.

    Aligned by progress, runs begin and end together and each spreads its visits evenly. Else all runs share an axis
    (time, log-SNR or calls made on arriving), which goes from the outermost start to the outermost end, and each
    shows its visit nearest to the axis. A film of one frame shows the ends.

    Args:
        paths: The levels that each run visits.
        frames: How many frames move; a boomerang has as many for each way and shares the turning one.
        fps: Frames a second.
        hold: Seconds that the first and the last frame stand longer, rounded to whole frames. A boomerang stands for
            the second of them where it turns and again where it ends.
        ease: Whether the film starts and ends gently.
        align: What keeps runs in step.
        slow: Where the first run is slowed down; the film stays as long, so it hurries elsewhere.
        reverse: Whether the film runs from the end to the beginning.
        boomerang: Whether the film runs back to where it began.
        poster: Whether one frame of the end comes before the beginning.
        calls: Denoiser calls that each run made up to and including each visit; needed to align by them.
        training: Training steps at each visit of runs that are shown as their denoiser learns, which stand for t.

    Raises:
        TimelineError: A run cannot be aligned this way (its axis goes back and forth, against the other runs' or
            nowhere), or does not get where it is to be slow.
    """
    course = _Course(paths, calls or {}, training or {})
    shown = _by_progress(paths) if align == "progress" else _by_axis(course.axes(align), align)
    moments = [_eased(i / (frames - 1), ease) if frames > 1 else 1.0 for i in range(frames)]
    moments = _slowed(moments, course, shown, slow) if slow else moments
    last = {name: len(path) - 1 for name, path in paths.items()}
    steps = [shown(u) for u in moments]
    steps[0] = dict.fromkeys(paths, 0)
    steps[-1] = last
    ticks = [Tick(i, u, at, 1 / fps) for i, (u, at) in enumerate(zip(moments, steps, strict=True))]
    film = _held(ticks[::-1] if reverse else ticks, fps, hold, boomerang)
    return _numbered([replace(film[frames - 1], duration=1 / fps), *film] if poster and frames > 1 else film)


def _eased(u: float, ease: Ease) -> float:
    """Smoothstep 3u² − 2u³: at rest at both ends."""
    return u if ease == "linear" else u * u * (3 - 2 * u)


_FINE = 4
"""Points to a visit, at which the speed of a film is summed up."""


def _slowed(moments: Sequence[float], course: _Course, shown: Shown, slow: Sequence[Slow]) -> list[float]:
    """Where the film is after each share of its length: every visit of the first run takes time w ≥ 1."""
    name = next(iter(course.paths))
    weights = np.ones(len(course.paths[name]))
    for i, each in enumerate(slow):
        if each.by == "log-snr" and name in course.training:
            raise TimelineError(f"slow.{i}.by", f"{_learns(name)}; give 'at' in training steps, by t")
        weights += (each.factor - 1) * _nearness(each, i, name, course.axis(name, each.by))
    at = np.linspace(0, 1, _FINE * max(1000, len(weights)))
    w = weights[[shown(u)[name] for u in at]]
    passed = np.concatenate([[0.0], np.cumsum(w[1:] + w[:-1])])
    return [float(u) for u in np.interp(moments, passed / passed[-1], at)]


def _nearness(slow: Slow, index: int, name: str, values: Sequence[float]) -> NDArray[np.float64]:
    """How much each visit belongs to a slow stretch, in [0, 1]: cos² about the visit nearest to its middle."""
    axis = np.array(values)
    low, high = axis.min(), axis.max()
    if not low <= slow.at <= high:
        said = f"run '{name}' goes from {low:g} to {high:g}" + (" in log-SNR" if slow.by == "log-snr" else "")
        raise TimelineError(f"slow.{index}.at", f"must be where the film is: {said}, got {slow.at:g}")
    width = slow.width or (high - low) / 10 or 1.0
    distance = np.abs(axis - axis[np.abs(axis - slow.at).argmin()]) / width
    near: NDArray[np.float64] = np.where(distance < 1, np.cos(np.pi / 2 * np.minimum(distance, 1)) ** 2, 0.0)
    return near


def _clipped(log_snr: float) -> float:
    return min(max(log_snr, -LOG_SNR_CLIP), LOG_SNR_CLIP)


def _held(ticks: Sequence[Tick], fps: Fraction, hold: tuple[float, float], boomerang: bool) -> list[Tick]:
    first, last = (round(seconds * fps) / fps for seconds in hold)
    back = [*ticks[-2::-1]] if boomerang else []
    film = [*ticks, *back]
    film[0] = replace(film[0], duration=film[0].duration + first)
    for end in {len(ticks) - 1, len(film) - 1}:
        film[end] = replace(film[end], duration=film[end].duration + last)
    return film


def _numbered(film: Sequence[Tick]) -> tuple[Tick, ...]:
    return tuple(replace(tick, index=i) for i, tick in enumerate(film))


Shown = Callable[[float], dict[str, int]]
"""From how far the film is, in [0, 1], to the visit that each run shows."""


def _by_progress(paths: Mapping[str, Sequence[Level]]) -> Shown:
    return lambda u: {name: round(u * (len(path) - 1)) for name, path in paths.items()}


def _by_axis(axes: Mapping[str, Sequence[float]], align: Align) -> Shown:
    """Each run's visit nearest to a common axis, made to rise for all."""
    sign = _direction(axes, align)
    rising = {name: [sign * value for value in axis] for name, axis in axes.items()}
    start = min(axis[0] for axis in rising.values())
    end = max(axis[-1] for axis in rising.values())
    return lambda u: {name: _nearest(axis, start + u * (end - start)) for name, axis in rising.items()}


def _direction(axes: Mapping[str, Sequence[float]], align: Align) -> int:
    """1 if the axis rises in all runs, −1 if it falls."""
    signs = {name: sign for name, axis in axes.items() if (sign := _sign(name, axis, align))}
    leader, direction = next(iter(signs.items()), ("", 1))
    for name, sign in signs.items():
        if sign != direction:
            said = f"run '{name}' goes against run '{leader}', so they cannot be aligned by {align}"
            raise TimelineError("align", said)
    return direction


def _sign(name: str, axis: Sequence[float], align: Align) -> int:
    ups = {(b > a) - (b < a) for a, b in pairwise(axis)} - {0}
    if len(ups) > 1:
        said = f"run '{name}' goes back and forth, so it cannot be aligned by {align}; use progress"
        raise TimelineError("align", said)
    return ups.pop() if ups else 0


def _nearest(axis: Sequence[float], value: float) -> int:
    """Index of the entry nearest to a value in an ascending axis; of equal ones before the value, the last."""
    after = bisect_right(axis, value)
    if after in (0, len(axis)):
        return max(after - 1, 0)
    return after if axis[after] - value < value - axis[after - 1] else after - 1


@dataclass(frozen=True, slots=True)
class _Course:
    """What runs go through; the arguments are those of `timeline`."""

    paths: Mapping[str, Sequence[Level]]
    calls: Mapping[str, Sequence[int]]
    training: Mapping[str, Sequence[int]]

    def axes(self, align: Align) -> dict[str, Sequence[float]]:
        """Where on the common axis each visit lies."""
        if align == "calls":
            return {name: _calls_on_arriving(name, self.calls[name]) for name in self.paths}
        learning = [name for name in self.paths if name in self.training]
        if learning and (align == "log-snr" or len(learning) < len(self.paths)):
            raise TimelineError("align", f"{_learns(learning[0])}, so it cannot be aligned by {align}; use progress")
        return {name: self.axis(name, "t" if align == "t" else "log-snr") for name in self.paths}

    def axis(self, name: str, by: Literal["t", "log-snr"]) -> Sequence[float]:
        """The time of each visit, or its log-SNR."""
        if by == "log-snr":
            return [_clipped(level.log_snr) for level in self.paths[name]]
        return self.training[name] if name in self.training else [level.t for level in self.paths[name]]


def _learns(name: str) -> str:
    return f"run '{name}' is shown as its denoiser learns, at one noise level"


def _calls_on_arriving(name: str, calls: Sequence[int]) -> Sequence[float]:
    """Calls made before each visit: those that leave it do not count yet."""
    if calls[-1] == 0:
        said = f"run '{name}' calls no denoiser, so it cannot be aligned by calls; use progress"
        raise TimelineError("align", said)
    return [0, *calls[:-1]]
