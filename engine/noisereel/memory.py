"""Sizes in words, and refusing what will not fit before anything is allocated."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["available", "readable", "require_room"]

GIB = 2**30
_PROC = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


def require_room(what: str, count: int, bytes_each: int) -> None:
    """See that there is memory for so many things.

    Args:
        what: What they are called, in the plural.
        count: How many.
        bytes_each: What one takes at the peak, intermediate results included.

    Raises:
        ValueError: It is more than is free now; says how much of it there would have to be.
    """
    needed, free = count * bytes_each, available()
    if free is not None and needed > free:
        raise ValueError(
            f"{count:,} {what} need about {needed / GIB:.0f} GiB of memory, and {free / GIB:.0f} GiB are free: "
            "ask for fewer"
        )


def available() -> int | None:
    """Bytes of memory that this process may still take; None where the system does not say."""
    known = [free for free in (_system(), _group()) if free is not None]
    return min(known) if known else None


def readable(size: int) -> str:
    """A number of bytes as it is told to people."""
    unit, name = next((u, n) for u, n in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (0, "kB")) if size >= u)
    return f"{size / (unit or 1e3):.1f} {name}"


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
    """What a container's limit leaves."""
    try:
        limit = (_GROUP / "memory.max").read_text(encoding="utf-8").strip()
        return None if limit == "max" else int(limit) - int((_GROUP / "memory.current").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
