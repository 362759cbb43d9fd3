"""The command line: the only place where an error becomes text. Heavy modules are imported where they are used."""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from ..support.errors import NoisereelError, blamed, describe_error
from ..support.printable import printable
from .cache_commands import cache
from .commands_of_plugins import add_plugin_commands
from .gallery_commands import scenes
from .messages import print_error, print_message, print_usage_error
from .plugin_commands import plugins
from .scene_commands import render, still, train, validate
from .streams import Output, standard_streams

__all__ = ["cli", "main"]


class _Cli(click.Group):
    """The built-in commands, and the commands of plugins, which are loaded only when needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        add_plugin_commands(self, ctx)
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        command = super().get_command(ctx, name)
        if command is None:
            add_plugin_commands(self, ctx)
            command = super().get_command(ctx, name)
        return command


@click.group(cls=_Cli, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(package_name="noisereel", message="noisereel %(version)s")
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    is_eager=True,
    type=click.Path(path_type=Path),
    metavar="FILE.py",
    help="Load plugins from a Python file, with their commands; may be repeated.",
)
def cli(plugins: tuple[Path, ...]) -> None:
    """Film diffusion processes: scene files in; GIF, MP4 and stills out."""


for command in (render, still, train, validate, scenes, plugins, cache):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, and exit with 0 (done), 1 (failed), 2 (wrong usage or scene) or 130 (interrupted)."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    verbose = bool({"-v", "--verbose"} & {*arguments})
    # Threads that spin while waiting stall small work on shared machines; must be set before torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with _terminable(), warnings.catch_warnings(), standard_streams() as output:
        if not verbose:
            warnings.simplefilter("ignore")
        code = _run(arguments, verbose)
        code = code or _check(output)
    gc.freeze()  # otherwise Python would search all imported objects for garbage on exit
    sys.exit(code)


def _run(arguments: list[str], verbose: bool) -> int:
    """Run a command and return the exit code."""
    try:
        code = cli.main(args=arguments, prog_name="noisereel", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except NoisereelError as error:
        print_error(error, verbose=verbose)
        return error.exit_code
    except click.ClickException as error:
        print_usage_error(error)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort) as error:
        if isinstance(error.__cause__, EOFError):  # click takes any for an interruption
            raise error.__cause__ from None
        print_message("interrupted", "yellow")
        return 130
    except BaseException as error:
        if verbose or (message := _explained(error)) is None:
            raise
        print_message(message, "red")
        return 1


def _explained(error: BaseException) -> str | None:
    """Return one line about a plugin that raised, or about the surroundings; None for a bug: it keeps its traceback."""
    if (plugin := blamed(error)) is not None:
        return printable(f"{plugin}: {describe_error(error)}")
    if not isinstance(error, OSError) or error.strerror is None:
        return None
    if error.filename is None and error.errno == errno.ENOENT:
        return "the working directory no longer exists"
    return printable(f"{os.fsdecode(error.filename)}: {error.strerror}" if error.filename else error.strerror)


def _check(output: Output | None) -> int:
    """Report that stdout could not be written; return the exit code, 0 if all is well."""
    sys.stdout.flush()
    error = None if output is None else output.error
    if error is None:
        return 0
    if not isinstance(error, BrokenPipeError):  # the reader is gone, as in `noisereel scenes show NAME | head -1`
        reason = "it is closed" if error.errno == errno.EBADF else error.strerror
        print_message(f"cannot write to standard output: {reason}", "red")
    return 1


@contextmanager
def _terminable() -> Iterator[None]:
    """Make SIGTERM end the program as Ctrl-C does, so that no partial files are left."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread receives signals
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
