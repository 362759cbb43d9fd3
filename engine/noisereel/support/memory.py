"""Memory: how much is free, checks before large allocations, and memory-mapped arrays that do not accumulate."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["available", "format_bytes", "release", "require_memory"]

GIB = 2**30
_PROC = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


def require_memory(what: str, count: int, bytes_each: int) -> None:
    """Check that there is enough free memory.

    Args:
        what: Name of the items, in the plural.
        count: Number of items.
        bytes_each: Peak memory of one item, intermediate results included.

    Raises:
        ValueError: More is needed than is free now; the message gives both amounts.
    """
    needed, free = count * bytes_each, available()
    if free is not None and needed > free:
        raise ValueError(
            f"{count:,} {what} need about {needed / GIB:.0f} GiB of memory, but only {free / GIB:.0f} GiB are "
            "free: use fewer"
        )


def available() -> int | None:
    """Return the bytes of memory that this process can still take; None if the system does not report it."""
    known = [free for free in (_system(), _group()) if free is not None]
    return min(known) if known else None


def format_bytes(size: int) -> str:
    """Format a byte count for display."""
    unit, name = next((u, n) for u, n in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (0, "kB")) if size >= u)
    return f"{size / (unit or 1e3):.1f} {name}"


def release(array: NDArray[Any]) -> None:
    """Drop the pages of a memory-mapped array from memory; they are read from the file again when needed.

    Otherwise every touched page counts as this program's memory until it ends. Other arrays are left alone.
    """
    mapped = getattr(array, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)  # the mapping is shared: what was written is in the file already


def _system() -> int | None:
    if _PROC.exists():
        fields = dict(line.split(":") for line in _PROC.read_text(encoding="utf-8").splitlines() if ":" in line)
        if "MemAvailable" in fields:
            return int(fields["MemAvailable"].split()[0]) * 1024
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _group() -> int | None:
    """Return the bytes left below a container's limit."""
    try:
        limit = (_GROUP / "memory.max").read_text(encoding="utf-8").strip()
        return None if limit == "max" else int(limit) - int((_GROUP / "memory.current").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
