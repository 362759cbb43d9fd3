"""Arrays on disk that are checked as they are read: what is damaged is simulated again."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contracts.trajectory import Arrays
from ..support.memory import release

__all__ = ["CheckedArrays", "checksum", "checksums"]


def checksum(array: NDArray[Any]) -> int:
    """Return the CRC-32 of an array's bytes: cheap, and different after any damage of up to 32 bits in a row."""
    return zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def checksums(series: NDArray[Any]) -> list[int]:
    """Return the checksum of every visit of a series."""
    sums = []
    for visit in series:
        sums.append(checksum(visit))
        release(series)
    return sums


@dataclass(frozen=True, eq=False)
class CheckedArrays(Arrays):
    """Arrays whose files may be damaged, cut short or removed while they are in use.

    Arrays in memory were checked when they were read. Of memory-mapped ones, each visit is copied and checked when it
    is read; once one is damaged, ``restore`` gives arrays that replace all of these.

    Attributes:
        sums: Checksums of each series' visits.
        restore: Simulates the run again; raises if that does not help.
    """

    sums: Mapping[str, list[int]]
    restore: Callable[[], Arrays]
    _restored: list[Arrays] = field(default_factory=list)
    _restoring: Any = field(default_factory=RLock)

    def visit(self, name: str, row: int) -> NDArray[np.float32]:
        if self._restored:
            return self._restored[0].visit(name, row)
        if not _is_mapped(self.series[name]):
            return super().visit(name, row)
        array = self._read(name, row)
        return self._replacement().visit(name, row) if array is None else array

    def whole(self, name: str) -> NDArray[np.float32]:
        series = self.series[name]
        if not self._restored and (not _is_mapped(series) or (_is_complete(series) and self._matches(name))):
            return series
        return self._replacement().whole(name)

    def _matches(self, name: str) -> bool:
        return checksums(self.series[name]) == self.sums[name]

    def _read(self, name: str, row: int) -> NDArray[np.float32] | None:
        """Return a copy of a visit, which no change of the file can reach; None if it is damaged."""
        series = self.series[name]
        if not _is_complete(series):
            return None
        array = np.array(series[row])
        release(series)  # else the whole trajectory would be in memory by the end of the film
        array.flags.writeable = False
        return array if checksum(array) == self.sums[name][row] else None

    def _replacement(self) -> Arrays:
        with self._restoring:  # several threads may find the damage
            if not self._restored:
                self._restored.append(self.restore())
        return self._restored[0]


def _is_mapped(series: NDArray[Any]) -> bool:
    return getattr(series, "_mmap", None) is not None


def _is_complete(series: NDArray[Any]) -> bool:
    """Return whether a mapped file still has its length: reading beyond its end would kill the program."""
    mapped = series._mmap  # type: ignore[attr-defined]
    return bool(mapped.size() >= len(mapped))
