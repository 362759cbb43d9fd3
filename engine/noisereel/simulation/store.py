"""The trajectory store: recorded arrays in a cache folder, found by digest, pruned by last use."""

from __future__ import annotations

import errno
import json
import os
import stat
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contracts.trajectory import Arrays
from ..support.errors import NoisereelError
from ..support.locks import FolderLock, discard, remove_unused
from .checked import CheckedArrays, checksums

__all__ = [
    "CACHE_BUDGET",
    "MEMORY_BUDGET",
    "Entry",
    "NoRoomError",
    "TrajectoryStore",
    "give_up",
    "new_entry",
    "reserve",
]

MEMORY_BUDGET = 64 * 2**20
"""Bytes above which arrays are memory-mapped instead of held in memory."""

CACHE_BUDGET = 4 * 2**30
"""Bytes of trajectories kept on disk; the least recently used go first."""

_INDEX = "index.json"
_SLACK = 2**20  # bytes besides the arrays: their headers and the index
_HEADER = 4096  # bytes that an array's file is at most longer than the array
_STALE = 24 * 3600.0  # seconds after which a half-written entry must belong to a program that was killed


class NoRoomError(Exception):
    """A folder that a trajectory cannot be written to."""


def give_up() -> Arrays:
    """Refuse to restore arrays.

    Raises:
        NoisereelError: Always.
    """
    raise NoisereelError("the files of a simulated run were changed while they were read")


@dataclass(frozen=True, slots=True)
class TrajectoryStore:
    """Folders for trajectories: a cache that outlives the program, if any, and one for this program alone.

    Attributes:
        root: The cache's folder; None keeps nothing.
        scratch: A folder for this program, for trajectories too large for memory.
        locks: Locks on the entries in use.
    """

    root: Path | None
    scratch: Path
    locks: list[FolderLock] = field(default_factory=list, compare=False, repr=False)

    def close(self) -> None:
        """Let other programs clear the entries that were in use."""
        for lock in self.locks:
            lock.release()

    def find(
        self,
        key: str,
        restore: Callable[[], Arrays] = give_up,
        fits: Callable[[Arrays], bool] = lambda arrays: True,
    ) -> Arrays | None:
        """Return the arrays kept under a key; if they are incomplete or damaged, drop them and return None.

        Args:
            key: The key.
            restore: Called if damage shows later, when a memory-mapped visit is read; returns arrays to use instead.
            fits: Returns whether the arrays are as the run needs them.
        """
        folder = self.folder(key)
        if folder is None or not os.path.lexists(folder):
            return None
        try:
            self.locks.append(FolderLock(folder))
            arrays = _load(folder, key, restore)
            if not fits(arrays):
                raise ValueError("the arrays belong to another run")
        except BlockingIOError:  # it is being removed
            return None
        except Exception:  # damage can raise anything
            self.drop(key)
            return None
        with suppress(OSError):  # the cache may be read-only
            (folder / _INDEX).touch()  # pruning goes by this time
        return arrays

    def drop(self, key: str) -> None:
        """Remove what is kept under a key."""
        if (folder := self.folder(key)) is not None:
            discard(folder)

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
                    remove_unused(partial)
            entries = [(index.stat().st_mtime, index.parent) for index in runs.glob(f"[!.]*/{_INDEX}")]
            total = 0
            for age, (_, entry) in enumerate(sorted(entries, reverse=True)):
                total += sum(file.stat().st_size for file in entry.iterdir())
                if total > CACHE_BUDGET and age > 0:
                    discard(entry)  # programs that use it survive that


def _load(folder: Path, key: str, restore: Callable[[], Arrays]) -> CheckedArrays:
    """Open the arrays in a folder; large ones are memory-mapped, the others are read and checked.

    Raises:
        Exception: The folder holds no complete trajectory.
    """
    index = _read_index(folder / _INDEX)
    if index["key"] != key:
        raise ValueError("the folder was renamed")
    series, sums = {}, {}
    for name, facts in index["series"].items():
        series[name], sums[name] = _open(folder / f"{name}.npy", tuple(facts["shape"])), facts["sums"]
        if not isinstance(series[name], np.memmap) and checksums(series[name]) != sums[name]:
            raise ValueError(f"{name} is damaged")
    present = {name: np.array(facts["present"], bool) for name, facts in index["series"].items()}
    return CheckedArrays(np.array(index["kept"], np.int64), series, present, index["calls"], sums, restore)


def _open(file: Path, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Open an array.

    Raises:
        Exception: It cannot be read, or is not an array of this shape.
    """
    size, expected = _size(file), 4 * int(np.prod(shape))
    if not expected < size <= expected + _HEADER:
        raise ValueError(f"{file}: has {size} bytes, not {expected} and a header")
    array: NDArray[np.float32] = np.load(file, mmap_mode="r" if size > MEMORY_BUDGET else None)
    if array.dtype != np.float32 or array.shape != shape or not array.flags.c_contiguous:
        raise ValueError(f"{file}: is {array.dtype} of shape {array.shape}")
    return array


def _size(file: Path) -> int:
    """Return a file's size.

    Raises:
        OSError, ValueError: There is no such file, or it is a folder or device.
    """
    status = file.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{file}: is not a file")
    return status.st_size


def _read_index(file: Path) -> dict[str, Any]:
    """Return the index of an entry.

    Raises:
        Exception: It cannot be read, or is damaged.
    """
    _size(file)
    content = json.loads(file.read_text(encoding="utf-8"))
    if content["checksum"] != _text_checksum(content["index"]):
        raise ValueError(f"{file}: is damaged")
    index: dict[str, Any] = content["index"]
    return index


def _save_index(arrays: Arrays, sums: Mapping[str, Sequence[int]], folder: Path, key: str) -> None:
    """Write everything but the series, which have their own files."""
    series = {
        name: {"shape": list(array.shape), "present": arrays.present[name].astype(int).tolist(), "sums": [*sums[name]]}
        for name, array in arrays.series.items()
    }
    index = {"key": key, "kept": arrays.kept.tolist(), "calls": [*arrays.calls], "series": series}
    text = json.dumps({"checksum": _text_checksum(index), "index": index})
    (folder / _INDEX).write_text(text, encoding="utf-8")


def _text_checksum(index: Any) -> int:
    return zlib.crc32(json.dumps(index).encode())


@dataclass(slots=True)
class Entry:
    """A new folder for a trajectory's series.

    Attributes:
        home: Final folder.
        folder: Temporary name of the folder.
    """

    home: Path
    folder: Path

    def save(self, arrays: Arrays, sums: Mapping[str, list[int]]) -> None:
        """Write what is not yet in the folder: the index, and arrays that are in memory.

        Raises:
            NoRoomError: It cannot be written, or was removed.
        """
        try:
            for name, series in arrays.series.items():
                if not isinstance(series, np.memmap):
                    np.save(self.folder / f"{name}.npy", series)
                _size(self.folder / f"{name}.npy")  # still there
            _save_index(arrays, sums, self.folder, self.home.name)
        except OSError as error:
            raise _no_room(self.home, error) from error

    def publish(self) -> None:
        """Give the folder its final name.

        Raises:
            NoRoomError: That cannot be done, or the folder was removed.
        """
        try:
            self.folder.rename(self.home)
        except OSError as error:
            if not (self.home / _INDEX).exists():  # else another program finished the same run meanwhile
                raise _no_room(self.home, error) from error


def _no_room(home: Path, error: OSError) -> NoRoomError:
    return NoRoomError(f"cannot write to {home.parent}: {error.strerror or error}")


@contextmanager
def new_entry(home: Path, size: int, locks: list[FolderLock]) -> Iterator[Entry]:
    """Create a temporary folder, which `Entry.publish` renames to ``home``, and which is removed otherwise.

    Args:
        home: Final folder.
        size: Bytes of all series, reserved now: a full disk would kill the program at a write to a mapped file.
        locks: Receives a lock that keeps the entry from being cleared.

    Raises:
        NoRoomError: There is no room for it.
    """
    folder = _claimed(home, size)
    with suppress(OSError):  # being cleared already
        locks.append(FolderLock(folder))
    try:
        yield Entry(home, folder)
    finally:
        discard(folder)


def _claimed(home: Path, size: int) -> Path:
    """Create a folder next to ``home``, on a disk with enough room."""
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{home.name[:8]}-", dir=home.parent))
    except OSError as error:
        raise _no_room(home, error) from error
    try:
        (partial / "room").touch()
        reserve(partial / "room", size + _SLACK)
        (partial / "room").unlink()
    except OSError as error:
        discard(partial)
        raise _no_room(home, error) from error
    return partial


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
