"""Memory-mapped arrays that do not pile up in memory."""

from __future__ import annotations

import mmap
from typing import Any

from numpy.typing import NDArray

__all__ = ["release"]


def release(array: NDArray[Any]) -> None:
    """Let go of what a mapped array holds in memory. It comes back from the file when it is asked for.

    Every page that was touched would count as this program's own until the end. Arrays in memory are left alone.
    """
    mapped = getattr(array, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)  # the mapping is shared: what was written is in the file already
