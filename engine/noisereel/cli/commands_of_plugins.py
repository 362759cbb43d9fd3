"""Commands of plugins, added to the built-in ones; an error in one of them is one line that names it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from ..support.errors import plugin_errors
from .messages import print_warning
from .options import named_files

__all__ = ["add_plugin_commands"]


def add_plugin_commands(group: click.Group, ctx: click.Context) -> None:
    """Add the commands of all plugins, those of the files named before the command included, to the command line."""
    from ..registry import load_registry

    registry = load_registry(named_files(ctx))
    before = {**group.commands}
    registry.register_commands(group)
    for name, command in group.commands.items():
        if command is not before.get(name):
            _guard(command, name)
    for warning in registry.warnings:
        print_warning(warning)


def _guard(command: click.Command, name: str) -> None:
    """Make a command report its errors; its exit codes and click's own errors pass."""
    for sub, inner in command.commands.items() if isinstance(command, click.Group) else ():
        _guard(inner, f"{name} {sub}")
    if command.callback is not None:
        command.callback = _guarded(command.callback, f"command '{name}'")


def _guarded(callback: Callable[..., Any], who: str) -> Callable[..., Any]:
    @wraps(callback)
    def call(*args: Any, **kwargs: Any) -> Any:
        ended: BaseException | None = None
        with plugin_errors(who):
            try:
                return callback(*args, **kwargs)
            except (click.ClickException, click.exceptions.Exit, click.Abort, SystemExit) as error:
                ended = error
        assert ended is not None
        raise ended

    return call
