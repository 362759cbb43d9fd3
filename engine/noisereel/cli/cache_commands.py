"""Commands that list and clear what is kept of earlier work: simulated runs, and weights of denoisers."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click

from ..support.errors import NoisereelError
from ..support.folders import cache_folder
from ..support.memory import format_bytes

__all__ = ["cache"]

_KINDS = {"runs": "simulated run", "denoisers": "trained denoiser"}


@click.group(invoke_without_command=True)
@click.pass_context
def cache(ctx: click.Context) -> None:
    """List what is kept of earlier work, or clear it."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_cache)


@cache.command("list")
def list_cache() -> None:
    """List what is kept, and how large it is."""
    for line in _overview(cache_folder()):
        click.echo(line)


@cache.command("clear", short_help="Remove what is kept, or one kind of it.")
@click.argument("what", type=click.Choice(["runs", "denoisers", "all"]), default="all")
def clear_cache(what: str) -> None:
    """Remove simulated runs, trained denoisers, or all; they are made again when they are needed."""
    click.echo(_clear(cache_folder(), what))


def _overview(root: Path) -> Iterator[str]:
    """Yield lines with the folder, and the number and size of the entries of each kind."""
    yield str(root)
    for kind, one in _KINDS.items():
        entries = _entries(root / kind)
        size = sum(_size(entry) for entry in entries)
        yield f"{kind:10} {_count(len(entries), one)}, {format_bytes(size)}"
        if kind == "denoisers":
            yield from map(_weights_line, sorted(entries, key=_age))


def _clear(root: Path, what: str) -> str:
    """Remove the entries of one kind, or all; returns a line that says which.

    Raises:
        NoisereelError: Something cannot be removed.
    """
    removed = []
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
            removed.append(f"{_count(len(entries), one)} ({format_bytes(size)})")
    return f"removed {' and '.join(removed)}"


def _entries(folder: Path) -> list[Path]:
    return [entry for entry in folder.iterdir() if any(entry.glob("*"))] if folder.is_dir() else []


def _size(folder: Path) -> int:
    return sum(file.st_size for file in _files(folder))


def _age(folder: Path) -> float:
    """Return the seconds since something in it was written."""
    now = time.time()
    return now - max((file.st_mtime for file in _files(folder)), default=now)


def _files(folder: Path) -> Iterator[os.stat_result]:
    """Yield all files below a folder; those of running programs may vanish meanwhile."""
    for file in folder.rglob("*"):
        with suppress(FileNotFoundError):
            found = file.stat()
            if stat.S_ISREG(found.st_mode):
                yield found


def _weights_line(entry: Path) -> str:
    """Return one line about a denoiser: its kind, progress, age and folder."""
    from ..learning.weights import read_facts

    files = sorted(entry.glob("weights.safetensors")) or sorted(entry.glob("checkpoint.safetensors"))
    try:
        facts = read_facts(files[0])
        named, step = next(iter(facts["denoiser"])), facts.get("step", facts.get("training", {}).get("step"))
        kind = "x".join(map(str, facts["event"]))
        about = f"{named}, {kind}, {step} steps" + ("" if "step" in facts else ", interrupted")
    except (IndexError, KeyError, NoisereelError, StopIteration, TypeError):
        about = "damaged"
    days, hours = divmod(int(_age(entry) // 3600), 24)
    return f"  {about:32} {format_bytes(_size(entry)):>9}   {days} d {hours:2} h old   {entry}"


def _count(n: int, one: str) -> str:
    return f"{n} {one}" if n == 1 else f"{n} {one}s"
