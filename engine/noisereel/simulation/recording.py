"""Recording: from a live run to its trajectory, kept by content so that a restyled film does not simulate again."""

from __future__ import annotations

import math
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..contracts.calls import inputs_of
from ..contracts.digests import data_digest, digest, facts_digest
from ..contracts.identity import identity
from ..contracts.plugin import plugins_in
from ..contracts.trajectory import AUX, Arrays, Trajectory
from ..support.compiled import uncompiled
from ..support.environment import machine, versions
from ..support.errors import NoisereelError
from ..support.memory import format_bytes, release
from .checked import CheckedArrays, checksum
from .store import MEMORY_BUDGET, Entry, NoRoomError, TrajectoryStore, give_up, new_entry, reserve

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
        warn: Receives one line if the cache has no room or a run in it is damaged.
        lasting: Whether a run whose arrays turn out to be damaged is kept in the cache again.
    """

    store: TrajectoryStore
    warn: Callable[[str], None] = lambda message: None
    lasting: bool = True

    def record(
        self, run: Run, key: str | None, shown: Sequence[int], watch: Callable[[State], None]
    ) -> tuple[Trajectory, Path | None]:
        """Simulate a run; returns its trajectory, and the folder with its arrays if they are in the cache.

        Args:
            run: The run.
            key: Its key, see `run_key`; None if it cannot be cached.
            shown: Visits that the film shows.
            watch: Called with every state as it is simulated.

        Raises:
            NoisereelError: There is no room for the trajectory.
        """
        arrays, home = self._record(run, key, shown, watch)
        return trajectory_of(run, arrays), home

    def find(self, run: Run, key: str, shown: Sequence[int]) -> Arrays | None:
        """Return a run's arrays from the cache, if they are there and complete."""
        kept = kept_visits(run, shown)

        def fits(arrays: Arrays) -> bool:
            shape = (len(kept), run.particles, *run.data.event_shape)
            is_whole = len(arrays.calls) == len(run.plan.levels) and bool(arrays.present["x"].all())
            return arrays.kept.tolist() == kept.tolist() and arrays.series["x"].shape == shape and is_whole

        return self.store.find(key, self._restorer(run, key, shown), fits)

    def _restorer(self, run: Run, key: str, shown: Sequence[int]) -> Callable[[], Arrays]:
        """Return a function that simulates a run whose arrays are damaged again, and keeps it in the cache."""

        def restore() -> Arrays:
            self.warn(f"run '{run.spec.name}': what is cached of it is damaged; it is simulated again")
            self.store.drop(key)
            again = replace(self, lasting=False)  # if even that is damaged, the cache is not tried any more
            return again._record(run, key if self.lasting else None, shown, lambda state: None)[0]

        return restore

    def _record(
        self, run: Run, key: str | None, shown: Sequence[int], watch: Callable[[State], None]
    ) -> tuple[Arrays, Path | None]:
        size = record_bytes(run, len(kept_visits(run, shown)))
        if key is not None and (home := self.store.folder(key)) is not None:
            try:
                with new_entry(home, size, self.store.locks) as entry:
                    return self._in_cache(entry, size, run, key, shown, watch)
            except NoRoomError as error:
                self.warn(f"simulated runs are not kept: {error}")
        if size <= MEMORY_BUDGET:
            return _simulate(run, shown, (), watch).arrays(), None
        try:
            with new_entry(self.store.scratch / secrets.token_hex(8), size, self.store.locks) as entry:
                return self._mapped(entry, run, shown, watch), None
        except NoRoomError as error:
            message = f"run '{run.spec.name}': no room for its record of {format_bytes(size)}: {error}"
            raise NoisereelError(message) from error

    def _in_cache(
        self, entry: Entry, size: int, run: Run, key: str, shown: Sequence[int], watch: Callable[[State], None]
    ) -> tuple[Arrays, Path | None]:
        """Simulate a run and keep it; if that fails, its arrays still serve this program."""
        folders = () if size <= MEMORY_BUDGET else (entry.folder, self.store.scratch / secrets.token_hex(8))
        tape = _simulate(run, shown, folders, watch)
        restore = self._restorer(run, key, shown)
        arrays: Arrays | None = CheckedArrays(*tape.parts(), tape.sums, restore)
        try:
            entry.save(tape.arrays(), tape.sums)
            if os.name == "nt" and folders:  # it does not rename a folder while files in it are mapped
                arrays = tape.series = None  # type: ignore[assignment]
            entry.publish()
        except NoRoomError as error:
            self.warn(f"simulated runs are not kept: {error}")
            return arrays or restore(), None
        self.store.prune()
        return arrays or self.find(run, key, shown) or restore(), entry.home

    def _mapped(self, entry: Entry, run: Run, shown: Sequence[int], watch: Callable[[State], None]) -> Arrays:
        """Simulate a run into files that are removed now, and gone when nothing refers to the arrays."""
        tape = _simulate(run, shown, (entry.folder,), watch)
        return CheckedArrays(*tape.parts(), tape.sums, give_up)


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
        hue=_hue(run, origin, arrays.visit("x", 0)),
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
def _simulate(run: Run, shown: Sequence[int], folders: Sequence[Path], watch: Callable[[State], None]) -> _Tape:
    tape = _Tape(kept_visits(run, shown), folders)
    for state in run.states():
        tape.take(state)
        watch(state)
    tape.finish()
    return tape


@dataclass
class _Tape:
    """Arrays being recorded; a series is created when it first occurs.

    Attributes:
        kept: Visits to keep.
        folders: Folders for memory-mapped files, the next one in case that one cannot be written; none for memory.
        series: The arrays.
        present: Whether each kept visit has them.
        sums: Checksum of each kept visit.
        calls: Denoiser calls up to each visit.
    """

    kept: NDArray[np.int64]
    folders: Sequence[Path]
    series: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    present: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    sums: dict[str, list[int]] = field(default_factory=dict)
    calls: list[int] = field(default_factory=list)

    def take(self, state: State) -> None:
        self.calls.append(state.calls)
        row = int(np.searchsorted(self.kept, state.index))
        if row == len(self.kept) or self.kept[row] != state.index:
            return
        aux = {f"{AUX}{name}": tensor for name, tensor in state.aux.items()}
        for name, tensor in {"x": state.x, "x0": state.x0, "noise": state.noise, **aux}.items():
            if tensor is not None:
                self._put(name, row, tensor.detach().to("cpu", torch.float32).numpy())

    def _put(self, name: str, row: int, array: NDArray[np.float32]) -> None:
        if name not in self.series:
            shape = (len(self.kept), *array.shape)
            self.series[name] = _mapped(self.folders, name, shape) if self.folders else np.empty(shape, np.float32)
            self.present[name], self.sums[name] = np.zeros(len(self.kept), bool), [0] * len(self.kept)
        self.series[name][row] = array
        release(self.series[name])
        self.present[name][row], self.sums[name][row] = True, checksum(array)

    def finish(self) -> None:
        """Fill in what the run did not have."""
        for name, flags in self.present.items():
            self.series[name][~flags] = np.nan
            for row in np.flatnonzero(~flags):
                self.sums[name][row] = checksum(self.series[name][row])

    def parts(self) -> tuple[NDArray[np.int64], dict[str, Any], dict[str, Any], list[int]]:
        """Return the fields of `Arrays`."""
        return self.kept, self.series, self.present, self.calls

    def arrays(self) -> Arrays:
        return Arrays(*self.parts())


def _mapped(folders: Sequence[Path], name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Create a memory-mapped file in the first folder that can be written.

    Raises:
        NoisereelError: None can be.
    """
    for folder in folders:
        file = folder / f"{name}.npy"
        try:
            if folder != folders[0]:
                folder.mkdir(parents=True, exist_ok=True)  # the first one is there, unless it was removed
            array = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=shape)
            reserve(file, file.stat().st_size)
        except OSError as error:
            last = error
        else:
            return array
    raise NoisereelError(f"cannot write to {folder}: {last.strerror or last}") from last


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
            "inputs": [digest(file.read_bytes()) for part in plugins_in(parts) for file in inputs_of(part, folder)],
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
