"""Cache commands: list and clear cached runs and trained denoisers."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click

from ..support.errors import NoisereelError
from ..support.folders import cache_folder
from ..support.locks import remove_unused
from ..support.memory import format_bytes

__all__ = ["cache"]

_KINDS = {"runs": "simulated run", "denoisers": "trained denoiser"}


@click.group(invoke_without_command=True)
@click.pass_context
def cache(ctx: click.Context) -> None:
    """List or clear the cache of simulated runs and trained denoisers."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_cache)


@cache.command("list")
def list_cache() -> None:
    """List what is cached, with sizes."""
    for line in _overview(cache_folder()):
        click.echo(line)


@cache.command("clear", short_help="Remove everything cached, or one kind.")
@click.argument("what", type=click.Choice(["runs", "denoisers", "all"]), default="all")
def clear_cache(what: str) -> None:
    """Remove cached runs, denoisers, or all, except those in use; they are recreated when needed."""
    click.echo(_clear(cache_folder(), what))


def _overview(root: Path) -> Iterator[str]:
    """Yield lines with the folder, and the number and size of the entries of each kind."""
    yield str(root)
    for kind, noun in _KINDS.items():
        entries = _entries(root / kind)
        size = sum(_size(entry) for entry in entries)
        yield f"{kind:10} {_count(len(entries), noun)}, {format_bytes(size)}"
        if kind == "denoisers":
            yield from map(_weights_line, sorted(entries, key=_age))


def _clear(root: Path, what: str) -> str:
    """Remove the entries of one kind, or all; return a line that lists them.

    Raises:
        NoisereelError: Something cannot be removed.
    """
    removed, in_use = [], 0
    for kind, noun in _KINDS.items():
        if what in (kind, "all"):
            entries = {entry: _size(entry) for entry in _entries(root / kind)}
            gone = [entry for entry in _everything(root / kind) if _remove(entry)]
            in_use += sum(entry not in gone for entry in entries)
            sizes = [size for entry, size in entries.items() if entry in gone]
            removed.append(f"{_count(len(sizes), noun)} ({format_bytes(sum(sizes))})")
    left = f"; left {in_use} in use" if in_use else ""
    return f"removed {' and '.join(removed)}{left}"


def _everything(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _remove(entry: Path) -> bool:
    """Remove an entry unless it is in use; returns whether it is gone.

    Raises:
        NoisereelError: It cannot be removed.
    """
    try:
        return remove_unused(entry)
    except OSError as error:
        raise NoisereelError(f"{error.filename}: cannot be removed: {error.strerror}") from error


def _entries(folder: Path) -> list[Path]:
    """Return the entries that hold something; those of running programs may vanish meanwhile."""
    return [entry for entry in _everything(folder) if any(entry.glob("*"))]


def _size(folder: Path) -> int:
    return sum(file.st_size for file in _files(folder))


def _age(folder: Path) -> float:
    """Return the seconds since a file in a folder was last written."""
    now = time.time()
    return now - max((file.st_mtime for file in _files(folder)), default=now)


def _files(folder: Path) -> Iterator[os.stat_result]:
    """Yield the status of all files below a folder; files of running programs may vanish meanwhile."""
    for file in folder.rglob("*"):
        with suppress(OSError):
            status = file.stat()
            if stat.S_ISREG(status.st_mode):
                yield status


def _weights_line(entry: Path) -> str:
    """Return one line about a denoiser: its kind, progress, age and folder."""
    from ..learning.weights import read_facts

    files = sorted(entry.glob("weights.safetensors")) or sorted(entry.glob("checkpoint.safetensors"))
    try:
        facts = read_facts(files[0])
        name, step = next(iter(facts["denoiser"])), facts.get("step", facts.get("training", {}).get("step"))
        shape = "x".join(map(str, facts["event"]))
        summary = f"{name}, {shape}, {step} steps" + ("" if "step" in facts else ", interrupted")
    except Exception:  # damage can raise anything
        summary = "damaged"
    days, hours = divmod(int(_age(entry) // 3600), 24)
    return f"  {summary:32} {format_bytes(_size(entry)):>9}   {days} d {hours:2} h old   {entry}"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
