"""Messages: errors and tables as text for the terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap
import traceback
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..support.errors import NoisereelError

__all__ = ["columns", "print_error", "wrapped"]


def print_error(error: NoisereelError, *, verbose: bool) -> None:
    """Print an error to stderr, with its traceback if verbose."""
    if verbose:
        traceback.print_exception(error)
    else:
        click.secho(str(error), fg="red", err=True)


def columns(rows: Iterable[tuple[str, str]], indent: str = "") -> Iterator[str]:
    """Yield names and descriptions side by side."""
    pairs = list(rows)
    width = max((len(name) for name, _ in pairs), default=0)
    for name, text in pairs:
        yield from wrapped(f"{indent}{name:{width}}  ", text)


def wrapped(start: str, text: str) -> Sequence[str]:
    """Wrap a text to the terminal's width, with later lines indented like the first; do not wrap outside terminals."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    room = max(30, width - len(start))
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
    return [f"{start}{lines[0]}".rstrip(), *(" " * len(start) + line for line in lines[1:])]
