"""The trajectory store: recorded arrays in a cache folder, found by digest, pruned by last use."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..contracts.trajectory import Arrays
from ..support.errors import NoisereelError

__all__ = ["CACHE_BUDGET", "MEMORY_BUDGET", "NoRoomError", "TrajectoryStore", "load_arrays", "new_entry", "reserve"]

MEMORY_BUDGET = 64 * 2**20
"""Bytes above which arrays are memory-mapped instead of held in memory."""

CACHE_BUDGET = 4 * 2**30
"""Bytes of trajectories kept on disk; the least recently used go first."""

_INDEX = "index.json"
_SLACK = 2**20  # bytes besides the arrays: their headers and the index
_STALE = 24 * 3600.0  # seconds after which a half-written entry must belong to a program that was killed
_BROKEN = (OSError, ValueError, KeyError)  # errors of reading a damaged or half-deleted entry


class NoRoomError(Exception):
    """A folder that a trajectory cannot be written to."""


@dataclass(frozen=True, slots=True)
class TrajectoryStore:
    """Folders for trajectories: a cache that outlives the program, if any, and one for this program alone.

    Attributes:
        root: The cache's folder; None keeps nothing.
        scratch: A folder for this program, for trajectories too large for memory.
    """

    root: Path | None
    scratch: Path

    def find(self, key: str) -> Arrays | None:
        """Return the arrays kept under a key, if they are there and complete."""
        folder = self.folder(key)
        if folder is None or not folder.is_dir():
            return None
        try:
            arrays = load_arrays(folder)
        except _BROKEN:
            shutil.rmtree(folder, ignore_errors=True)
            return None
        with suppress(OSError):  # the cache may be read-only
            (folder / _INDEX).touch()  # pruning goes by this time
        return arrays

    def folder(self, key: str) -> Path | None:
        """Return the folder of a key's trajectory in the cache, whether or not it is there yet."""
        return None if self.root is None else self.root / "runs" / key

    def prune(self) -> None:
        """Drop the least recently used trajectories beyond the budget, and leftovers of programs that were killed."""
        if self.root is None:
            return
        runs = self.root / "runs"
        with suppress(OSError):  # other programs prune, too; whatever is left will go another time
            for partial in runs.glob(".*"):
                if time.time() - partial.stat().st_mtime > _STALE:
                    shutil.rmtree(partial, ignore_errors=True)
            entries = [(index.stat().st_mtime, index.parent) for index in runs.glob(f"[!.]*/{_INDEX}")]
            total = 0
            for age, (_, entry) in enumerate(sorted(entries, reverse=True)):
                total += sum(file.stat().st_size for file in entry.iterdir())
                if total > CACHE_BUDGET and age > 0:
                    shutil.rmtree(entry, ignore_errors=True)


def load_arrays(folder: Path) -> Arrays:
    """Open the arrays in a folder; large ones are memory-mapped.

    Raises:
        OSError, ValueError, KeyError: The folder holds no complete trajectory.
    """
    index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
    series = {name: _open(folder / f"{name}.npy") for name in index["present"]}
    present = {name: np.array(flags, bool) for name, flags in index["present"].items()}
    return Arrays(np.array(index["kept"], np.int64), series, present, index["calls"])


def _open(file: Path) -> NDArray[np.float32]:
    array: NDArray[np.float32] = np.load(file, mmap_mode="r" if file.stat().st_size > MEMORY_BUDGET else None)
    return array


def _save_index(arrays: Arrays, folder: Path) -> None:
    """Write everything but the series, which already have their own files."""
    present = {name: flags.astype(int).tolist() for name, flags in arrays.present.items()}
    index = {"kept": arrays.kept.tolist(), "present": present, "calls": list(arrays.calls)}
    (folder / _INDEX).write_text(json.dumps(index), encoding="utf-8")


@dataclass(slots=True)
class _Entry:
    """A new folder for a trajectory's series.

    Attributes:
        folder: Temporary name of the folder.
        arrays: The arrays written to it; set when all of them are complete.
    """

    folder: Path
    arrays: Arrays | None = None


@contextmanager
def new_entry(home: Path, size: int) -> Iterator[_Entry]:
    """Write a trajectory to a temporary folder, which becomes ``home`` when complete and is removed otherwise.

    Args:
        home: Final folder.
        size: Bytes of all series, reserved now: a full disk would kill the program at a write to a mapped file.

    Raises:
        NoRoomError: There is no room for it.
        NoisereelError: It cannot be written after all.
    """
    entry = _Entry(_claimed(home, size))
    try:
        yield entry
        assert entry.arrays is not None, "an entry is complete when its arrays are set"
        _save_index(entry.arrays, entry.folder)
        entry.arrays = None  # Windows does not rename a folder while files in it are mapped
        _publish(entry.folder, home)
    except OSError as error:  # errors of samplers and observers are not OSErrors
        raise NoisereelError(f"cannot write to {home.parent}: {error.strerror}") from error
    finally:
        shutil.rmtree(entry.folder, ignore_errors=True)


def _claimed(home: Path, size: int) -> Path:
    """Create a folder next to ``home``, on a disk with enough room."""
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{home.name[:8]}-", dir=home.parent))
    except OSError as error:
        raise NoRoomError(f"cannot write to {home.parent}: {error.strerror}") from error
    try:
        (partial / "room").touch()
        reserve(partial / "room", size + _SLACK)
        (partial / "room").unlink()
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise NoRoomError(f"cannot write to {home.parent}: {error.strerror}") from error
    return partial


def _publish(partial: Path, home: Path) -> None:
    try:
        partial.rename(home)
    except OSError:
        if not (home / _INDEX).exists():  # else another program finished the same run meanwhile
            raise


def reserve(file: Path, size: int) -> None:
    """Allocate a file's whole size now: a full disk is an error here, but kills the program at a mapped write.

    Raises:
        OSError: The disk is full.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    with file.open("r+b") as opened:
        try:
            os.posix_fallocate(opened.fileno(), 0, size)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # some file systems cannot reserve
                raise
