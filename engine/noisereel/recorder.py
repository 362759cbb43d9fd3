"""From a run to its record: simulated once, kept by content, so that a restyled film does not simulate again."""

from __future__ import annotations

import errno
import math
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from .compiled import as_it_is
from .errors import NoisereelError
from .keys import data_digest, digest, facts_digest, identity, machine, versions
from .memory import readable
from .pages import release
from .plugin import plugins_in
from .record import EXTRA, MEMORY_BUDGET, Arrays, Record
from .run import Run

if TYPE_CHECKING:
    from .probe import State

__all__ = ["CACHE_BUDGET", "RECORD_BUDGET", "Shelf", "record_of", "recorded", "run_key"]

RECORD_BUDGET = 512 * 2**20
"""Bytes above which a record keeps only the visits that the film shows."""

CACHE_BUDGET = 4 * 2**30
"""Bytes of records kept on disk; the least recently used go first."""

_SLACK = 2**20  # bytes beside the arrays: their headers and the index

_STALE = 24 * 3600.0  # seconds after which a half-written record is nobody's any more

_BROKEN = (OSError, ValueError, KeyError)  # what reading a damaged or half-deleted entry raises


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where records lie: a folder that outlives the program, or none.

    Attributes:
        root: The cache's folder; None keeps nothing.
        scratch: A folder for this program alone, for records too large for memory.
    """

    root: Path | None
    scratch: Path

    def find(self, key: str) -> Arrays | None:
        """The arrays kept under a key, if they are there and whole."""
        folder = self.folder(key)
        if folder is None or not folder.is_dir():
            return None
        try:
            arrays = Arrays.load(folder)
        except _BROKEN:
            shutil.rmtree(folder, ignore_errors=True)
            return None
        with suppress(OSError):  # the cache may be read-only
            (folder / "index.json").touch()  # used now: the pruning goes by this time
        return arrays

    def folder(self, key: str) -> Path | None:
        """Where a key's record lies or would lie."""
        return None if self.root is None else self.root / "runs" / key

    def prune(self) -> None:
        """Drop the least recently used records beyond the budget, and what programs that were killed left behind."""
        if self.root is None:
            return
        runs = self.root / "runs"
        with suppress(OSError):  # others prune, too; and what is left over now will go another time
            for partial in runs.glob(".*"):
                if time.time() - partial.stat().st_mtime > _STALE:
                    shutil.rmtree(partial, ignore_errors=True)
            entries = [(index.stat().st_mtime, index.parent) for index in runs.glob("[!.]*/index.json")]
            total = 0
            for age, (_, entry) in enumerate(sorted(entries, reverse=True)):
                total += sum(file.stat().st_size for file in entry.iterdir())
                if total > CACHE_BUDGET and age > 0:
                    shutil.rmtree(entry, ignore_errors=True)


def record_of(
    run: Run,
    key: str,
    shown: Sequence[int],
    shelf: Shelf,
    watch: Callable[[State], None],
    *,
    on_disk: bool = False,
    warn: Callable[[str], None] = lambda message: None,
) -> Record:
    """Simulate a run and record it: on the shelf, else in memory if it fits, else in a temporary folder.

    Args:
        run: The run.
        key: What it is known by, see `run_key`.
        shown: Visits that the film shows.
        shelf: Where records lie.
        watch: Sees every state as it is simulated.
        on_disk: Whether the record must lie on disk, for other processes to read.
        warn: Told in one line if the cache has no room.

    Raises:
        NoisereelError: There is no room for the record.
    """
    size = record_bytes(run, len(kept_visits(run, shown)))
    if (kept := shelf.folder(key)) is not None:
        try:
            return _record_in(_claimed(kept, size), kept, run, shown, watch, shelf)
        except _NoRoomError as error:
            warn(f"simulated runs are not kept: {error}")
    if not on_disk and size <= MEMORY_BUDGET:
        return recorded(run, _simulate(run, shown, None, watch), shown, None)
    try:
        return _record_in(_claimed(shelf.scratch / key, size), shelf.scratch / key, run, shown, watch, shelf)
    except _NoRoomError as error:
        raise NoisereelError(f"run '{run.spec.name}': no room for its record of {readable(size)}: {error}") from error


class _NoRoomError(Exception):
    """A folder that a record cannot be written to."""


def _claimed(home: Path, size: int) -> Path:
    """A new folder beside a record's home, with room for so many bytes; it becomes the home when it is complete.

    A full disk is noticed here: it would kill the program at a write to a mapped file.

    Raises:
        _NoRoomError: There is none.
    """
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{home.name[:8]}-", dir=home.parent))
    except OSError as error:
        raise _NoRoomError(f"cannot write to {home.parent}: {error.strerror}") from error
    try:
        (partial / "room").touch()
        _reserve(partial / "room", size + _SLACK)
        (partial / "room").unlink()
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise _NoRoomError(f"cannot write to {home.parent}: {error.strerror}") from error
    return partial


def _record_in(
    partial: Path, home: Path, run: Run, shown: Sequence[int], watch: Callable[[State], None], shelf: Shelf
) -> Record:
    """Simulate a run into a folder, which becomes the record's home when it is complete, and vanishes otherwise."""
    try:
        _simulate(run, shown, partial, watch).save_index(partial)
        _settle(partial, home)
    except OSError as error:  # samplers' and observers' errors are none
        raise NoisereelError(f"cannot write to {home.parent}: {error.strerror}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    shelf.prune()
    return recorded(run, Arrays.load(home), shown, home)


def _settle(partial: Path, home: Path) -> None:
    try:
        partial.rename(home)
    except OSError:
        if not (home / "index.json").exists():  # else another program finished the same run meanwhile
            raise


def recorded(run: Run, arrays: Arrays, shown: Sequence[int], folder: Path | None) -> Record:
    """The record of a run whose arrays are there already."""
    data, rows = run.data.to(torch.device("cpu")), run.rows
    origin = None if rows is None else rows.cpu().numpy()
    return Record(
        name=run.spec.name,
        schedule=run.spec.schedule,
        data=data,
        metrics=run.spec.metrics,
        levels=run.plan.levels,
        acts=run.plan.acts,
        shown=sorted(set(shown)),
        origin=origin,
        hue=_hue(run, origin, arrays.series["x"][0]),
        arrays=arrays,
        folder=folder,
        measure=run.measure,
        training=run.plan.training,
    )


def _hue(run: Run, origin: NDArray[np.int64] | None, first: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """The data's hue where particles come from data, else the angle of where they begin."""
    if run.source is not None:
        inherited = run.source.hue
        return None if inherited is None else inherited[np.arange(len(first)) % len(inherited)]
    if origin is not None and run.data.hue is not None:
        return np.asarray(run.data.hue.cpu().numpy()[origin], np.float32)
    if first.shape[1:] != (2,):
        return None
    return np.asarray(np.arctan2(first[:, 1], first[:, 0]) / (2 * np.pi) + 0.5, np.float32)


def record_bytes(run: Run, visits: int) -> int:
    """How much a record of so many visits takes at most: x, the noise, and x̂_0 where a denoiser is called."""
    series = 2 + any("denoiser" in sampler.needs for sampler in run.spec.sampler)
    return 4 * series * visits * run.particles * math.prod(run.data.event)


def kept_visits(run: Run, shown: Sequence[int]) -> NDArray[np.int64]:
    """The visits to keep: all within the budget, else the first and those shown."""
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
    """Arrays being recorded; a series is made when it first turns up."""

    kept: NDArray[np.int64]
    folder: Path | None
    series: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    there: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    calls: list[int] = field(default_factory=list)

    def take(self, state: State) -> None:
        self.calls.append(state.calls)
        row = int(np.searchsorted(self.kept, state.step))
        if row == len(self.kept) or self.kept[row] != state.step:
            return
        extra = {f"{EXTRA}{name}": tensor for name, tensor in state.extra.items()}
        for name, tensor in {"x": state.x, "x0": state.x0, "noise": state.noise, **extra}.items():
            if tensor is not None:
                series = self._array(name, tuple(tensor.shape))
                series[row] = tensor.detach().to("cpu", torch.float32).numpy()
                release(series)
                self.there[name][row] = True

    def _array(self, name: str, each: tuple[int, ...]) -> NDArray[np.float32]:
        if name not in self.series:
            shape = (len(self.kept), *each)
            self.there[name] = np.zeros(len(self.kept), bool)
            if self.folder is None:
                self.series[name] = np.empty(shape, np.float32)
            else:
                file = self.folder / f"{name}.npy"
                self.series[name] = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=shape)
                _reserve(file, file.stat().st_size)
        return self.series[name]

    def arrays(self) -> Arrays:
        return Arrays(self.kept, self.series, self.there, self.calls)


def _reserve(file: Path, size: int) -> None:
    """Claim room for a file's whole size now: a full disk is an error here, but kills the program at a mapped write."""
    if not hasattr(os, "posix_fallocate"):
        return
    with file.open("r+b") as opened:
        try:
            os.posix_fallocate(opened.fileno(), 0, size)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # some file systems cannot claim
                raise


def run_key(run: Run, shown: Sequence[int], folder: Path, source_key: str | None) -> str:
    """What a run's record is known by: everything that its numbers depend on, and nothing else.

    The data's own content stands for the files it was read from; the visits shown count only where the record is
    too large to keep all.

    Args:
        run: The run.
        shown: Visits that the film shows.
        folder: The scene's folder.
        source_key: Key of the run that this one starts from, if it does.
    """
    spec, kept = run.spec, kept_visits(run, shown)
    parts = [p for p in (spec.dataset, spec.schedule, spec.denoiser, *spec.sampler) if p is not None]
    return facts_digest(
        {
            "parts": [identity(part) for part in parts],
            "inputs": [digest(file.read_bytes()) for part in plugins_in(parts) for file in part.inputs(folder)],
            "data": data_digest(run.data),
            "start": [run.start, source_key, run.plan.first.t, run.particles],
            "training": None if run.plan.training is None else [run.plan.training, run.plan.levels[0].t],
            "seed": [spec.seed, spec.copy_index],
            "kept": "all" if len(kept) == len(run.plan.levels) else kept.tolist(),
            "versions": versions(),
            "machine": [*machine(run.device), str(run.dtype), run.bind.compile is not as_it_is],
        }
    )
