"""Trajectories: the states that a run visited, as arrays with random access by visit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from .schedule import Level, Schedule

if TYPE_CHECKING:
    from .dataset import Data

__all__ = ["AUX", "Arrays", "Series", "Trajectory", "nearest"]

Series = Literal["x", "x0", "eps", "noise", "signal"]
"""Recorded or derived quantity of a run: the particles, the estimates x̂_0 or ε̂, the injected noise, or α_t·x_0."""

AUX = "aux-"
"""Prefix of the names of series that a sampler added to its steps."""


def nearest(times: Sequence[float], t: float, among: Sequence[int] | None = None) -> int:
    """Return the index of the visit whose time is nearest to t; the first one if several are equally near."""
    return min(range(len(times)) if among is None else among, key=lambda i: abs(times[i] - t))


@dataclass(frozen=True)
class Arrays:
    """The recorded arrays of a run.

    Attributes:
        kept: Indices of the visits whose arrays were kept, ascending.
        series: "x", and "x0" and "noise" if steps gave them, shape (kept, particles, *event), float32; and
            the samplers' additional values, under names that begin with `AUX`, shapes (kept, …).
        present: For each series, whether each of the kept visits has it, shape (kept,).
        calls: Denoiser calls made up to and including each visit (every visit, kept or not).
    """

    kept: NDArray[np.int64]
    series: Mapping[str, NDArray[np.float32]]
    present: Mapping[str, NDArray[np.bool_]]
    calls: Sequence[int]

    def visit(self, name: str, row: int) -> NDArray[np.float32]:
        """Return one visit of a series."""
        array: NDArray[np.float32] = self.series[name][row]
        return array

    def whole(self, name: str) -> NDArray[np.float32]:
        """Return a series at all kept visits."""
        return self.series[name]


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Everything that one run visited.

    Attributes:
        name: The run's name.
        schedule: The run's schedule.
        data: The run's data, on the CPU.
        levels: Level of every visit, kept or not.
        acts: Act of every visit.
        arrays: The recorded arrays.
        origin: Row of ``data`` that each particle came from, shape (particles,), or None unless started from data.
        hue: Hue of each particle, shape (particles,) in [0, 1]: the data's, else the angle of its first position; or
            None.
        training: Training steps at each visit, if the run shows its denoiser in training.
    """

    name: str
    schedule: Schedule
    data: Data
    levels: Sequence[Level]
    acts: Sequence[int]
    arrays: Arrays
    origin: NDArray[np.int64] | None = None
    hue: NDArray[np.float32] | None = None
    training: Sequence[int] | None = None

    def __len__(self) -> int:
        """Return the number of visits."""
        return len(self.levels)

    @cached_property
    def times(self) -> Sequence[float]:
        """Position of each visit on the run's own axis: t, or training steps."""
        return [level.t for level in self.levels] if self.training is None else self.training

    @property
    def calls(self) -> Sequence[int]:
        """Denoiser calls made up to and including each visit."""
        return self.arrays.calls

    @property
    def clock(self) -> str:
        """Name of the run's own axis: t, or training step."""
        return "t" if self.training is None else "training step"

    @property
    def particles(self) -> int:
        """Number of particles."""
        return int(self.arrays.series["x"].shape[1])

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one particle."""
        return tuple(self.arrays.series["x"].shape[2:])

    @property
    def kept_visits(self) -> Sequence[int]:
        """Indices of the visits whose arrays were kept, ascending: all, unless the recording outgrew its budget."""
        return list(self._rows)

    @property
    def aux_names(self) -> Sequence[str]:
        """Names of the samplers' additional series, without their prefix."""
        return [name.removeprefix(AUX) for name in self.arrays.series if name.startswith(AUX)]

    def kept(self, index: int) -> bool:
        """Return whether this visit's arrays were kept."""
        return index in self._rows

    def nearest(self, t: float) -> int:
        """Return the kept visit whose time on the run's axis is nearest to t, the first one if several are."""
        return nearest(self.times, t, self.kept_visits)

    def series(self, of: Series, index: int) -> NDArray[np.float32] | None:
        """Return a series at a visit, shape (particles, *event), or None if it does not exist (ε̂ at σ = 0)."""
        level = self.levels[index]
        if of == "eps":
            x, x0 = self.array("x", index), self.array("x0", index)
            if x is None or x0 is None or level.sigma == 0:
                return None
            return np.asarray((x - np.float32(level.alpha) * x0) / np.float32(level.sigma))
        if of == "signal":
            return None if self.origin is None else np.float32(level.alpha) * self.data.x0.numpy()[self.origin]
        return self.array(of, index)

    def array(self, name: str, index: int) -> NDArray[np.float32] | None:
        """Return a recorded array at a visit by its name in ``arrays.series``, or None if it does not exist."""
        row = self._rows.get(index)
        if row is None or name not in self.arrays.series or not self.arrays.present[name][row]:
            return None
        return self.arrays.visit(name, row)

    @cached_property
    def _rows(self) -> Mapping[int, int]:
        return {int(index): row for row, index in enumerate(self.arrays.kept)}
