"""Plugin commands: list plugins and show their parameters."""

from __future__ import annotations

from typing import Any

import click

from ..support.errors import UsageError, suggest
from ..support.printable import printable
from .messages import columns
from .options import find_registry, plugin_options

__all__ = ["plugins"]


@click.group(invoke_without_command=True)
@click.pass_context
def plugins(ctx: click.Context) -> None:
    """List plugins, or show one's parameters."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_plugins)


@plugins.command("list", short_help="List every plugin, or describe those of one KIND.")
@click.argument("kind", required=False)
@plugin_options
def list_plugins(kind: str | None, **flags: Any) -> None:
    """List every plugin, and those that could not be loaded; describe those of one KIND, such as sampler."""
    from .plugin_help import summaries

    registry = find_registry(flags, warn=False)
    if kind is not None and kind not in registry.kinds:
        raise UsageError(f"no kind of plugin is called '{kind}'; {suggest(kind, registry.kinds)}")
    for listed in registry.kinds if kind is None else (kind,):
        click.echo(f"{listed}:")
        names = [(name, registry.package(listed, name)) for name in registry.names(listed)]
        for line in columns(names if kind is None else summaries(listed, registry), "  "):
            click.echo(line)
    for warning in registry.warnings:
        click.secho(f"not loaded: {printable(warning)}", fg="yellow")


@plugins.command("show")
@click.argument("name")
@plugin_options
def show_plugin(name: str, **flags: Any) -> None:
    """Describe a plugin and its parameters; NAME may be kind/name."""
    from .plugin_help import plugin_help

    click.echo("\n\n".join(plugin_help(name, find_registry(flags))))
