"""Records: what a run visited, with random access by step, and what probes measured on it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray

from .errors import at_work
from .keys import digest, identity
from .pages import release
from .probe import Measure, Metric, Probe, State, Trace

if TYPE_CHECKING:
    from .dataset import Data
    from .renderer import Series
    from .schedule import Level, Schedule

__all__ = ["EXTRA", "MEMORY_BUDGET", "Arrays", "Record", "nearest"]

MEMORY_BUDGET = 64 * 2**20
"""Bytes above which a record's arrays are memory-mapped instead of held in memory."""

EXTRA = "extra-"
"""What the names of series begin with that a sampler added to its steps."""

Values = Mapping[str, NDArray[Any]]


def nearest(times: Sequence[float], t: float, among: Sequence[int] | None = None) -> int:
    """The visit whose time is nearest to t, the first of equals."""
    return min(range(len(times)) if among is None else among, key=lambda i: abs(times[i] - t))


@dataclass(frozen=True, slots=True)
class Arrays:
    """The recorded arrays of a run.

    Attributes:
        kept: The visits whose arrays were kept, ascending.
        series: "x", and "x0" and "noise" where steps gave them, shape (kept, particles, *event), float32; and what
            steps gave as extra, under names that begin with `EXTRA`, shapes (kept, …).
        there: For each series, which of the kept visits have it, shape (kept,).
        calls: Denoiser calls made up to and including each visit (every visit, kept or not).
    """

    kept: NDArray[np.int64]
    series: Mapping[str, NDArray[np.float32]]
    there: Mapping[str, NDArray[np.bool_]]
    calls: Sequence[int]

    def save_index(self, folder: Path) -> None:
        """Write everything but the series, which are files of their own already."""
        there = {name: flags.astype(int).tolist() for name, flags in self.there.items()}
        index = {"kept": self.kept.tolist(), "there": there, "calls": list(self.calls)}
        (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Arrays:
        """Open arrays saved in a folder; large ones are memory-mapped.

        Raises:
            OSError, ValueError, KeyError: The folder holds no whole record.
        """
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        series = {name: _open(folder / f"{name}.npy") for name in index["there"]}
        there = {name: np.array(flags, bool) for name, flags in index["there"].items()}
        return cls(np.array(index["kept"], np.int64), series, there, index["calls"])


def _open(file: Path) -> NDArray[np.float32]:
    array: NDArray[np.float32] = np.load(file, mmap_mode="r" if file.stat().st_size > MEMORY_BUDGET else None)
    return array


@dataclass(eq=False)
class Record:
    """What one run visited.

    Attributes:
        name: The run's name.
        schedule: The run's schedule.
        data: The run's data, on the CPU.
        metrics: The metrics that the scene asks for.
        levels: Level of every visit, kept or not.
        acts: Act of every visit.
        shown: The visits that the film shows, ascending: probes are measured at these.
        origin: Row of ``data`` that each particle came from, shape (particles,), or None unless started from data.
        hue: What colour each particle has, shape (particles,) in [0, 1]: the data's, else the angle of its first
            position; or None.
        arrays: What was recorded.
        folder: Where the arrays and measured values lie, if they lie on disk.
        measure: Gives what probes may use at a visit; asked only if something is not measured yet.
        training: Training steps at each visit, where the run is shown as its denoiser learns.
        beside: The records of all runs of the film by name, this one among them.
    """

    name: str
    schedule: Schedule
    data: Data
    metrics: tuple[Metric, ...]
    levels: Sequence[Level]
    acts: Sequence[int]
    shown: Sequence[int]
    origin: NDArray[np.int64] | None
    hue: NDArray[np.float32] | None
    arrays: Arrays
    folder: Path | None = None
    measure: Callable[[int], Measure] | None = None
    training: Sequence[int] | None = None
    beside: Mapping[str, Record] = field(default_factory=dict, repr=False)
    _values: dict[str, dict[int, Values]] = field(default_factory=dict, repr=False)
    _saved: int = 0

    def __post_init__(self) -> None:
        self._rows = {int(step): row for row, step in enumerate(self.arrays.kept)}
        if self.folder is not None:
            with suppress(OSError, ValueError, KeyError, BadZipFile):  # there are none, or they are damaged
                self._values = _load_values(self.folder / "values.npz")
            self._saved = self._count()

    def __len__(self) -> int:
        """How many visits the run made."""
        return len(self.levels)

    @cached_property
    def times(self) -> Sequence[float]:
        """Where on the run's own axis each visit lies: its t, or training steps."""
        return [level.t for level in self.levels] if self.training is None else self.training

    @property
    def calls(self) -> Sequence[int]:
        """Denoiser calls made up to and including each visit."""
        return self.arrays.calls

    @property
    def clock(self) -> str:
        """What the run's own axis counts: t, or training steps."""
        return "t" if self.training is None else "training step"

    @property
    def particles(self) -> int:
        """How many trajectories."""
        return int(self.arrays.series["x"].shape[1])

    @property
    def event(self) -> tuple[int, ...]:
        """Shape of one particle."""
        return tuple(self.arrays.series["x"].shape[2:])

    @property
    def kept_steps(self) -> Sequence[int]:
        """The visits whose arrays were kept, ascending: all, unless the record outgrew its budget."""
        return list(self._rows)

    def kept(self, step: int) -> bool:
        """Whether this visit's arrays were kept."""
        return step in self._rows

    def nearest(self, t: float) -> int:
        """The kept visit whose time on the run's axis is nearest to t, the first of equals."""
        return nearest(self.times, t, self.kept_steps)

    def series(self, of: Series, step: int) -> NDArray[np.float32] | None:
        """A series at a visit, shape (particles, *event); None where the run has none there (ε̂ at σ = 0, say)."""
        level = self.levels[step]
        if of == "eps":
            x, x0 = self._array("x", step), self._array("x0", step)
            if x is None or x0 is None or level.sigma == 0:
                return None
            return np.asarray((x - np.float32(level.alpha) * x0) / np.float32(level.sigma))
        if of == "signal":
            return None if self.origin is None else np.float32(level.alpha) * self.data.x0.numpy()[self.origin]
        return self._array(of, step)

    def _array(self, name: str, step: int) -> NDArray[np.float32] | None:
        row = self._rows.get(step)
        if row is None or name not in self.arrays.series or not self.arrays.there[name][row]:
            return None
        series = self.arrays.series[name]
        release(series)  # else the whole record would be in memory by the end of the film
        array: NDArray[np.float32] = series[row]
        return array

    def value(self, probe: Probe, step: int) -> Values:
        """What a probe measured at a visit; measured now if it was not before."""
        known = self._values.setdefault(_key(probe), {})
        if step not in known:
            assert self.measure is not None, "a record without its run holds measured values only"
            who = f"{probe.kind} {type(probe).__name__}"
            with at_work(f"{who} (run '{self.name}', {self.clock} = {self.times[step]:g})"):
                ctx = self.measure(step)
                if isinstance(probe, Trace):
                    measured = self._followed(probe, ctx)
                else:
                    measured = {step: probe.measure(self.state(step, ctx.data.x0.device), ctx)}
                _require_promised(probe, measured[step])
            known |= {at: {n: np.asarray(a) for n, a in values.items()} for at, values in measured.items()}
        return known[step]

    def _followed(self, trace: Trace, ctx: Measure) -> dict[int, Values]:
        """What a trace gives at every kept visit."""
        steps = self.kept_steps
        given = list(trace.follow((self.state(step, ctx.data.x0.device) for step in steps), ctx))
        if len(given) != len(steps):
            raise ValueError(f"gave values for {len(given)} of {len(steps)} visits")
        return dict(zip(steps, given, strict=True))

    def scalars(self, step: int) -> dict[str, float]:
        """Every metric of the run at a visit, by the names that titles use."""
        return {name: float(v) for metric in self.metrics for name, v in self.value(metric, step).items()}

    def told(self, step: int, names: Iterable[str]) -> dict[str, object]:
        """What words may tell of a visit, by the names that they use; metrics are measured only if one is named."""
        level = self.levels[step]
        values: dict[str, object] = {
            "t": level.t,
            "step": step,
            "T": self.schedule.T,
            "alpha": level.alpha,
            "sigma": level.sigma,
            "log_snr": level.log_snr,
            "calls": self.calls[step],
            "run": self.name,
            "particles": self.particles,
        }
        if self.training is not None:
            values["trained"] = self.training[step]
        return values if set(names) <= values.keys() else values | self.scalars(step)

    def state(self, step: int, device: torch.device) -> State:
        """A kept visit as the state it was."""
        tensors = {name: self._tensor(name, step, device) for name in ("x", "x0", "noise")}
        x = tensors["x"]
        assert x is not None, f"visit {step} was not kept"
        extra = {
            name.removeprefix(EXTRA): found
            for name in self.arrays.series
            if name.startswith(EXTRA) and (found := self._tensor(name, step, device)) is not None
        }
        return State(
            step, self.acts[step], self.levels[step], x, tensors["x0"], tensors["noise"], self.calls[step], extra
        )

    def _tensor(self, name: str, step: int, device: torch.device) -> torch.Tensor | None:
        array = self._array(name, step)
        return None if array is None else torch.tensor(array, device=device)

    def save_values(self) -> None:
        """Keep what was measured beside the arrays, so that nobody measures it again."""
        if self.folder is not None and self._count() > self._saved:
            _save_values(self._values, self.folder / "values.npz")
            self._saved = self._count()

    def _count(self) -> int:
        return sum(map(len, self._values.values()))


def _require_promised(probe: Probe, values: Values) -> None:
    """A metric gives what it says that it gives.

    Raises:
        ValueError: It does not.
    """
    missing = [name for name in probe.gives if name not in values] if isinstance(probe, Metric) else []
    if missing:
        raise ValueError(f"'gives' promises {', '.join(missing)}, 'measure' gave {', '.join(values) or 'nothing'}")


@lru_cache(256)  # asked for every frame of a curve
def _key(probe: Probe) -> str:
    """What a probe's values are known by: its class, its source and all its fields, plugins among them."""
    return digest(json.dumps(identity(probe)).encode())


def _save_values(values: Mapping[str, Mapping[int, Values]], file: Path) -> None:
    """Probes whose arrays keep their shape are stacked over the steps; others are not kept."""
    out: dict[str, NDArray[Any]] = {}
    for key, by_step in values.items():
        steps = sorted(by_step)
        columns = {name: [by_step[step][name] for step in steps] for name in (by_step[steps[0]] if steps else ())}
        if all(len({a.shape for a in column}) == 1 for column in columns.values()):
            out[f"{key}/steps"] = np.array(steps, np.int64)
            out.update({f"{key}/{name}": np.stack(column) for name, column in columns.items()})
    partial = file.with_name(f"values.{os.getpid()}.part.npz")
    try:
        np.savez(partial, **out)  # type: ignore[arg-type]  # numpy's stub types the keyword allow_pickle into **kwds
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def _load_values(file: Path) -> dict[str, dict[int, Values]]:
    out: dict[str, dict[int, Values]] = {}
    with np.load(file) as saved:
        arrays = {name: saved[name] for name in saved.files}
    for key in {name.split("/")[0] for name in arrays}:
        columns = {n.split("/", 1)[1]: a for n, a in arrays.items() if n.startswith(f"{key}/") and n != f"{key}/steps"}
        steps = arrays[f"{key}/steps"].tolist()
        out[key] = {step: {name: column[i] for name, column in columns.items()} for i, step in enumerate(steps)}
    return out
