"""Messages: errors and tables as text for the terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap
import traceback
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from ..support.printable import printable

if TYPE_CHECKING:
    from ..support.errors import NoisereelError

__all__ = ["columns", "print_error", "print_message", "print_usage_error", "print_warning", "wrapped"]


def print_error(error: NoisereelError, *, verbose: bool) -> None:
    """Print an error to stderr, with its traceback if verbose."""
    if verbose:
        text = printable("".join(traceback.format_exception(error)), keep="\n", limit=1_000_000)
        print_message(text.rstrip("\n"))
    else:
        print_message(str(error), "red")


def print_usage_error(error: click.ClickException) -> None:
    """Print click's error, with the usage of the command."""
    context = getattr(error, "ctx", None)
    usage = "" if context is None else f"{context.get_usage()}\nTry '{context.command_path} --help' for help.\n\n"
    print_message(f"{usage}Error: {printable(error.format_message())}")


def print_warning(message: str, start: str = "warning: ") -> None:
    """Print a warning to stderr."""
    print_message(f"{start}{printable(message)}", "yellow")


def print_message(text: str, color: str | None = None) -> None:
    """Print text to stderr."""
    click.secho(text, fg=color, err=True)


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
