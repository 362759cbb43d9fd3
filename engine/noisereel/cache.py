"""What is kept of earlier work: the records of runs, and the weights of denoisers."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .errors import NoisereelError
from .memory import readable

__all__ = ["clear", "overview"]

_KINDS = {"runs": "simulated run", "denoisers": "trained denoiser"}


def overview(root: Path) -> Iterator[str]:
    """Lines that say where things are kept, how many and how large."""
    yield str(root)
    for kind, one in _KINDS.items():
        entries = _entries(root / kind)
        size = sum(_size(entry) for entry in entries)
        yield f"{kind:10} {_count(len(entries), one)}, {readable(size)}"
        if kind == "denoisers":
            yield from map(_weights_line, sorted(entries, key=_age))


def clear(root: Path, what: str) -> str:
    """Remove what is kept of one kind, or all; says what that was.

    Raises:
        NoisereelError: Something cannot be removed.
    """
    said = []
    for kind, one in _KINDS.items():
        if what in (kind, "all"):
            entries = _entries(root / kind)
            size = sum(_size(entry) for entry in entries)
            try:
                shutil.rmtree(root / kind)
            except FileNotFoundError:
                pass
            except OSError as error:
                raise NoisereelError(f"{error.filename}: cannot be removed: {error.strerror}") from error
            said.append(f"{_count(len(entries), one)} ({readable(size)})")
    return f"removed {' and '.join(said)}"


def _entries(folder: Path) -> list[Path]:
    return [entry for entry in folder.iterdir() if any(entry.glob("*"))] if folder.is_dir() else []


def _size(folder: Path) -> int:
    return sum(file.st_size for file in _files(folder))


def _age(folder: Path) -> float:
    """Seconds since something in it was written."""
    now = time.time()
    return now - max((file.st_mtime for file in _files(folder)), default=now)


def _files(folder: Path) -> Iterator[os.stat_result]:
    """All files below a folder; those of programs that are at work may vanish meanwhile."""
    for file in folder.rglob("*"):
        with suppress(FileNotFoundError):
            found = file.stat()
            if stat.S_ISREG(found.st_mode):
                yield found


def _weights_line(entry: Path) -> str:
    """What one denoiser is, how far it is trained, and where it lies."""
    from .learning.weights import read_facts

    whole = sorted(entry.glob("weights.safetensors")) or sorted(entry.glob("checkpoint.safetensors"))
    try:
        facts = read_facts(whole[0])
        named, step = next(iter(facts["denoiser"])), facts.get("step", facts.get("training", {}).get("step"))
        kind = "x".join(map(str, facts["event"]))
        told = f"{named}, {kind}, {step} steps" + ("" if "step" in facts else ", interrupted")
    except (IndexError, KeyError, NoisereelError, StopIteration, TypeError):
        told = "damaged"
    days, hours = divmod(int(_age(entry) // 3600), 24)
    return f"  {told:32} {readable(_size(entry)):>9}   {days} d {hours:2} h old   {entry}"


def _count(n: int, one: str) -> str:
    return f"{n} {one}" if n == 1 else f"{n} {one}s"
