"""The command line: the only place where an error becomes text. Heavy modules are imported where they are used."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from ..support.errors import NoisereelError
from .cache_commands import cache
from .gallery_commands import scenes
from .messages import print_error
from .plugin_commands import plugins
from .scene_commands import render, still, train, validate

__all__ = ["cli", "main"]


class _Cli(click.Group):
    """The built-in commands, and the commands of plugins, which are loaded only when needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        _add_plugin_commands(self)
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        command = super().get_command(ctx, name)
        if command is None:
            _add_plugin_commands(self)
            command = super().get_command(ctx, name)
        return command


def _add_plugin_commands(group: click.Group) -> None:
    from ..registry import load_registry

    registry = load_registry()
    registry.register_commands(group)
    for warning in registry.warnings:
        click.secho(f"warning: {warning}", fg="yellow", err=True)


@click.group(cls=_Cli, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(package_name="noisereel", message="noisereel %(version)s")
def cli() -> None:
    """Film diffusion processes: scene files in; GIF, MP4 and stills out."""


for command in (render, still, train, validate, scenes, plugins, cache):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, and exit with 0 (done), 1 (failed), 2 (wrong usage or scene) or 130 (interrupted)."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    verbose = bool({"-v", "--verbose"} & {*arguments})
    # Threads that spin while waiting stall small work on shared machines; must be set before torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console without "σ" shows "?" instead of failing
    with _terminable(), warnings.catch_warnings():
        if not verbose:
            warnings.simplefilter("ignore")
        code = _run(arguments, verbose)
    gc.freeze()  # otherwise Python would search all imported objects for garbage on exit
    sys.exit(code)


def _run(arguments: list[str], verbose: bool) -> int:
    """Run a command and return the exit code."""
    try:
        code = cli.main(args=arguments, prog_name="noisereel", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except NoisereelError as error:
        print_error(error, verbose=verbose)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort) as error:
        if isinstance(error.__cause__, EOFError):  # click takes any for an interruption
            raise error.__cause__ from None
        click.secho("interrupted", fg="yellow", err=True)
        return 130
    except BrokenPipeError:  # the reader of our output is gone, as in `noisereel scenes show NAME | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
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
