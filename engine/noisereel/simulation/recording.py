"""Recording: from a live run to its trajectory, kept by content so that a restyled film does not simulate again."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from ..contracts.digests import data_digest, digest, facts_digest
from ..contracts.identity import identity
from ..contracts.plugin import plugins_in
from ..contracts.trajectory import AUX, Arrays, Trajectory
from ..support.compiled import uncompiled
from ..support.environment import machine, versions
from ..support.errors import NoisereelError
from ..support.memory import format_bytes, release
from .store import MEMORY_BUDGET, NoRoomError, TrajectoryStore, load_arrays, new_entry, reserve

if TYPE_CHECKING:
    from ..contracts.state import State
    from .run import Run

__all__ = ["RECORD_BUDGET", "Recorder", "kept_visits", "record_bytes", "run_key", "trajectory_of"]

RECORD_BUDGET = 512 * 2**20
"""Bytes above which only the visits that the film shows are kept."""


@dataclass(frozen=True, slots=True)
class Recorder:
    """Simulates runs and records them: in the store, else in memory if they fit, else in a scratch folder.

    Attributes:
        store: Folders for trajectories.
        warn: Receives one line if the cache has no room.
    """

    store: TrajectoryStore
    warn: Callable[[str], None] = lambda message: None

    def record(
        self, run: Run, key: str | None, shown: Sequence[int], watch: Callable[[State], None]
    ) -> tuple[Trajectory, Path | None]:
        """Simulate a run; returns its trajectory, and the folder with its arrays if they are on disk.

        Args:
            run: The run.
            key: Its key, see `run_key`; None if it cannot be cached.
            shown: Visits that the film shows.
            watch: Called with every state as it is simulated.

        Raises:
            NoisereelError: There is no room for the trajectory.
        """
        size = record_bytes(run, len(kept_visits(run, shown)))
        if key is not None and (home := self.store.folder(key)) is not None:
            try:
                return self._in_folder(home, size, run, shown, watch)
            except NoRoomError as error:
                self.warn(f"simulated runs are not kept: {error}")
        if size <= MEMORY_BUDGET:
            return trajectory_of(run, _simulate(run, shown, None, watch)), None
        try:
            return self._in_folder(self.store.scratch / secrets.token_hex(8), size, run, shown, watch)
        except NoRoomError as error:
            message = f"run '{run.spec.name}': no room for its record of {format_bytes(size)}: {error}"
            raise NoisereelError(message) from error

    def _in_folder(
        self, home: Path, size: int, run: Run, shown: Sequence[int], watch: Callable[[State], None]
    ) -> tuple[Trajectory, Path]:
        with new_entry(home, size) as entry:
            entry.arrays = _simulate(run, shown, entry.folder, watch)
        self.store.prune()
        return trajectory_of(run, load_arrays(home)), home


def trajectory_of(run: Run, arrays: Arrays) -> Trajectory:
    """Return the trajectory of a run whose arrays are already there."""
    rows = run.rows
    origin = None if rows is None else rows.cpu().numpy()
    return Trajectory(
        name=run.spec.name,
        schedule=run.spec.schedule,
        data=run.data.to(torch.device("cpu")),
        levels=run.plan.levels,
        acts=run.plan.acts,
        arrays=arrays,
        origin=origin,
        hue=_hue(run, origin, arrays.series["x"][0]),
        training=run.plan.training,
    )


def _hue(run: Run, origin: NDArray[np.int64] | None, first: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Return the data's hue where particles come from data, else the angle of their first position."""
    if run.predecessor is not None:
        inherited = run.predecessor.hue
        return None if inherited is None else inherited[np.arange(len(first)) % len(inherited)]
    if origin is not None and run.data.hue is not None:
        return np.asarray(run.data.hue.cpu().numpy()[origin], np.float32)
    if first.shape[1:] != (2,):
        return None
    return np.asarray(np.arctan2(first[:, 1], first[:, 0]) / (2 * np.pi) + 0.5, np.float32)


def record_bytes(run: Run, visits: int) -> int:
    """Return an upper bound on a trajectory's size: x, the noise, and x̂_0 where a denoiser is called."""
    series = 2 + any("denoiser" in sampler.needs for sampler in run.spec.sampler)
    return 4 * series * visits * run.particles * math.prod(run.data.event_shape)


def kept_visits(run: Run, shown: Sequence[int]) -> NDArray[np.int64]:
    """Return the visits to keep: all within the budget, else the first and those shown."""
    every = range(len(run.plan.levels))
    return np.array(every if record_bytes(run, len(every)) <= RECORD_BUDGET else sorted({0, *shown}), np.int64)


@torch.no_grad()
def _simulate(run: Run, shown: Sequence[int], folder: Path | None, watch: Callable[[State], None]) -> Arrays:
    tape = _Tape(kept_visits(run, shown), folder)
    for state in run.states():
        tape.take(state)
        watch(state)
    return tape.arrays()


@dataclass
class _Tape:
    """Arrays being recorded; a series is created when it first occurs."""

    kept: NDArray[np.int64]
    folder: Path | None
    series: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    present: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    calls: list[int] = field(default_factory=list)

    def take(self, state: State) -> None:
        self.calls.append(state.calls)
        row = int(np.searchsorted(self.kept, state.index))
        if row == len(self.kept) or self.kept[row] != state.index:
            return
        aux = {f"{AUX}{name}": tensor for name, tensor in state.aux.items()}
        for name, tensor in {"x": state.x, "x0": state.x0, "noise": state.noise, **aux}.items():
            if tensor is not None:
                series = self._array(name, tuple(tensor.shape))
                series[row] = tensor.detach().to("cpu", torch.float32).numpy()
                release(series)
                self.present[name][row] = True

    def _array(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        if name not in self.series:
            shape = (len(self.kept), *shape)
            self.present[name] = np.zeros(len(self.kept), bool)
            if self.folder is None:
                self.series[name] = np.empty(shape, np.float32)
            else:
                file = self.folder / f"{name}.npy"
                self.series[name] = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=shape)
                reserve(file, file.stat().st_size)
        return self.series[name]

    def arrays(self) -> Arrays:
        for name, flags in self.present.items():
            self.series[name][~flags] = np.nan
        return Arrays(self.kept, self.series, self.present, self.calls)


def run_key(run: Run, shown: Sequence[int], folder: Path, predecessor_key: str | None) -> str:
    """Return a run's cache key: a digest of everything that its numbers depend on, and nothing else.

    The data's content represents the files that it was read from; the visits shown count only if the trajectory is too
    large to keep all of them.

    Args:
        run: The run.
        shown: Visits that the film shows.
        folder: The scene's folder.
        predecessor_key: Key of the runs that this one builds on, if there are any.

    Raises:
        UnkeyableError: The content of a plugin cannot be determined.
    """
    spec, kept = run.spec, kept_visits(run, shown)
    parts = [p for p in (spec.dataset, spec.schedule, spec.denoiser, *spec.sampler) if p is not None]
    is_compiled = run.context.training.compile is not uncompiled
    return facts_digest(
        {
            "parts": [identity(part) for part in parts],
            "inputs": [digest(file.read_bytes()) for part in plugins_in(parts) for file in part.inputs(folder)],
            "data": data_digest(run.data),
            # A schedule may keep what it computed before something that it depends on changed.
            "levels": digest(np.array([[level.t, level.alpha, level.sigma] for level in run.plan.levels]).tobytes()),
            "start": [run.start, predecessor_key, run.plan.first.t, run.particles],
            "training": None if run.plan.training is None else [run.plan.training, run.plan.levels[0].t],
            "seed": [spec.seed, spec.copy_index],
            "kept": "all" if len(kept) == len(run.plan.levels) else kept.tolist(),
            "versions": versions(),
            "machine": [*machine(run.device), is_compiled],
        }
    )
