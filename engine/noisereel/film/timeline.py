"""Timelines: the visited state that each frame of a film shows, and its duration."""

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

    from ..contracts.schedule import Level
    from ..scene import FilmSettings, SlowMotion

__all__ = ["LOG_SNR_CLIP", "FrameSpec", "TimelineError", "timeline"]

LOG_SNR_CLIP = 10.0
"""Bound on |log-SNR|; clean data and pure noise, where it is infinite, are at ±10.

DDPM's linear schedule has about this range (9.2 to −10.1); beyond it, σ or α is below 0.0068, too little to see.
"""


class TimelineError(ValueError):
    """Raised for film settings that do not work for the scene's runs.

    Attributes:
        field: The film setting that causes it, such as ``align``, ``slow.0.at``.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class FrameSpec:
    """One frame of a film before it is drawn.

    Attributes:
        index: Position in the film.
        fraction: Progress of the runs, in [0, 1]; decreasing if the film plays backwards.
        indices: Index of the visit that each run shows.
        duration: Seconds that it is shown for.
    """

    index: int
    fraction: float
    indices: Mapping[str, int]
    duration: Fraction


def timeline(
    paths: Mapping[str, Sequence[Level]],
    film: FilmSettings,
    *,
    calls: Mapping[str, Sequence[int]] | None = None,
    training: Mapping[str, Sequence[int]] | None = None,
) -> tuple[FrameSpec, ...]:
    """Return the film's frames.

    Every frame shows visits: the first frame shows the first visit of every run and the last frame the last, or the
    other way round in reverse. Aligned by progress, runs begin and end together, and each spreads its visits evenly.
    Otherwise all runs share an axis (time, log-SNR, or denoiser calls before each visit) from the outermost start to
    the outermost end, and each run shows its visit nearest to the position on it. A film of one frame shows the ends.

    Args:
        paths: The levels that each run visits.
        film: Settings of the film. A boomerang has ``frames`` in each direction, sharing the one at the turn; the turn
            and the end are both held for the second value of ``hold``.
        calls: Denoiser calls that each run made up to and including each visit; required to align by calls.
        training: Training steps at each visit of runs that show their denoiser in training; these replace t.

    Raises:
        TimelineError: A run cannot be aligned this way (its axis goes back and forth, runs against the other runs', or
            does not exist), or does not reach the middle of a slow-motion stretch.
    """
    runs = _Runs(paths, calls or {}, training or {})
    shown = _by_progress(paths) if film.align == "progress" else _by_axis(runs.axes(film.align), film.align)
    n = film.frames
    moments = [_eased(i / (n - 1), film.ease) if n > 1 else 1.0 for i in range(n)]
    moments = _slowed(moments, runs, shown, film.slow) if film.slow else moments
    indices = [shown(u) for u in moments]
    indices[0] = dict.fromkeys(paths, 0)
    indices[-1] = {name: len(path) - 1 for name, path in paths.items()}
    duration = 1 / film.rate
    frames = [FrameSpec(i, u, at, duration) for i, (u, at) in enumerate(zip(moments, indices, strict=True))]
    held = _held(frames[::-1] if film.reverse else frames, film)
    return _numbered([replace(held[n - 1], duration=duration), *held] if film.poster and n > 1 else held)


def _eased(u: float, ease: str) -> float:
    """Return the smoothstep 3u² − 2u³, whose slope is 0 at both ends; u itself if linear."""
    return u if ease == "linear" else u * u * (3 - 2 * u)


_FINE = 4
"""Points per visit for integrating the speed of a film."""


def _slowed(moments: Sequence[float], runs: _Runs, shown: Shown, slow: Sequence[SlowMotion]) -> list[float]:
    """Return the progress at each moment, after slowing down: each visit of the first run takes a time w ≥ 1."""
    name = next(iter(runs.paths))
    weights = np.ones(len(runs.paths[name]))
    for i, stretch in enumerate(slow):
        if stretch.by == "log-snr" and name in runs.training:
            raise TimelineError(f"slow.{i}.by", f"{_learns(name)}; give 'at' in training steps, with 'by: t'")
        weights += (stretch.factor - 1) * _nearness(stretch, i, name, runs.axis(name, stretch.by))
    at = np.linspace(0, 1, _FINE * max(1000, len(weights)))
    w = weights[[shown(u)[name] for u in at]]
    passed = np.concatenate([[0.0], np.cumsum(w[1:] + w[:-1])])
    return [float(u) for u in np.interp(moments, passed / passed[-1], at)]


def _nearness(slow: SlowMotion, index: int, name: str, values: Sequence[float]) -> NDArray[np.float64]:
    """Return each visit's weight in a slow-motion stretch, in [0, 1]: cos² around the visit nearest to its middle."""
    axis = np.array(values)
    low, high = axis.min(), axis.max()
    if not low <= slow.at <= high:
        message = f"run '{name}' goes from {low:g} to {high:g}" + (" in log-SNR" if slow.by == "log-snr" else "")
        raise TimelineError(f"slow.{index}.at", f"must be within the film: {message}, got {slow.at:g}")
    width = slow.width or (high - low) / 10 or 1.0
    distance = np.abs(axis - axis[np.abs(axis - slow.at).argmin()]) / width
    weights: NDArray[np.float64] = np.where(distance < 1, np.cos(np.pi / 2 * np.minimum(distance, 1)) ** 2, 0.0)
    return weights


def _clipped(log_snr: float) -> float:
    return min(max(log_snr, -LOG_SNR_CLIP), LOG_SNR_CLIP)


def _held(frames: Sequence[FrameSpec], film: FilmSettings) -> list[FrameSpec]:
    """Return the frames with their ends held longer, and played back again for a boomerang."""
    first, last = (round(seconds * film.rate) / film.rate for seconds in film.hold)
    back = [*frames[-2::-1]] if film.boomerang else []
    held = [*frames, *back]
    held[0] = replace(held[0], duration=held[0].duration + first)
    for end in {len(frames) - 1, len(held) - 1}:
        held[end] = replace(held[end], duration=held[end].duration + last)
    return held


def _numbered(frames: Sequence[FrameSpec]) -> tuple[FrameSpec, ...]:
    return tuple(replace(frame, index=i) for i, frame in enumerate(frames))


Shown = Callable[[float], dict[str, int]]
"""Function from the film's progress, in [0, 1], to the visit that each run shows."""


def _by_progress(paths: Mapping[str, Sequence[Level]]) -> Shown:
    return lambda u: {name: round(u * (len(path) - 1)) for name, path in paths.items()}


def _by_axis(axes: Mapping[str, Sequence[float]], align: str) -> Shown:
    """Return a function that gives each run's visit nearest to the position on a common axis."""
    sign = _direction(axes, align)
    rising = {name: [sign * value for value in axis] for name, axis in axes.items()}
    start = min(axis[0] for axis in rising.values())
    end = max(axis[-1] for axis in rising.values())
    return lambda u: {name: _nearest(axis, start + u * (end - start)) for name, axis in rising.items()}


def _direction(axes: Mapping[str, Sequence[float]], align: str) -> int:
    """Return 1 if the axis rises in all runs, −1 if it falls in all."""
    signs = {name: sign for name, axis in axes.items() if (sign := _sign(name, axis, align))}
    leader, direction = next(iter(signs.items()), ("", 1))
    for name, sign in signs.items():
        if sign != direction:
            message = f"run '{name}' goes against run '{leader}', so they cannot be aligned by {align}"
            raise TimelineError("align", message)
    return direction


def _sign(name: str, axis: Sequence[float], align: str) -> int:
    ups = {(b > a) - (b < a) for a, b in pairwise(axis)} - {0}
    if len(ups) > 1:
        message = f"run '{name}' goes back and forth, so it cannot be aligned by {align}; use progress"
        raise TimelineError("align", message)
    return ups.pop() if ups else 0


def _nearest(axis: Sequence[float], value: float) -> int:
    """Return the index of the entry of an ascending axis nearest to a value; of equal entries below it, the last."""
    after = bisect_right(axis, value)
    if after in (0, len(axis)):
        return max(after - 1, 0)
    return after if axis[after] - value < value - axis[after - 1] else after - 1


@dataclass(frozen=True, slots=True)
class _Runs:
    """The axes of runs; the attributes are those arguments of `timeline`."""

    paths: Mapping[str, Sequence[Level]]
    calls: Mapping[str, Sequence[int]]
    training: Mapping[str, Sequence[int]]

    def axes(self, align: str) -> dict[str, Sequence[float]]:
        """Return the position of each visit on the common axis."""
        if align == "calls":
            return {name: _calls_on_arrival(name, self.calls[name]) for name in self.paths}
        trained = [name for name in self.paths if name in self.training]
        if trained and (align == "log-snr" or len(trained) < len(self.paths)):
            raise TimelineError("align", f"{_learns(trained[0])}, so it cannot be aligned by {align}; use progress")
        return {name: self.axis(name, "t" if align == "t" else "log-snr") for name in self.paths}

    def axis(self, name: str, by: Literal["t", "log-snr"]) -> Sequence[float]:
        """Return the time of each visit, or its log-SNR."""
        if by == "log-snr":
            return [_clipped(level.log_snr) for level in self.paths[name]]
        return self.training[name] if name in self.training else [level.t for level in self.paths[name]]


def _learns(name: str) -> str:
    return f"run '{name}' is shown as its denoiser learns, at one noise level"


def _calls_on_arrival(name: str, calls: Sequence[int]) -> Sequence[float]:
    """Return the calls made before each visit, excluding those of the step that leaves it."""
    if calls[-1] == 0:
        message = f"run '{name}' calls no denoiser, so it cannot be aligned by calls; use progress"
        raise TimelineError("align", message)
    return [0, *calls[:-1]]
