"""The page on all commands, from click."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from noisereel.cli.main import cli

from .markdown import code, joined, links, plain, table

__all__ = ["page"]

INTRODUCTION = """# All commands

Generated from the command line by `python docs/make_reference.py`. `noisereel COMMAND --help` shows the same,
and `noisereel --version` the version.

Files on the command line are relative to the current folder, those named in a scene to the scene's folder. An
output may contain placeholders: see [scenes.md](scenes.md#output-files)."""

ARGUMENTS = {
    "scene": "A file, or a scene of the gallery by its name.",
    "scenes": "One or several files, or scenes of the gallery.",
    "name": "Name of a scene or plugin.",
    "target": "File or folder to copy it to.",
    "kind": "A kind of plugin, such as sampler; without it, only names are listed.",
    "what": "What to remove: runs, denoisers or all.",
}
"""Meaning of the arguments, which have no help in click."""

ENVIRONMENT = """## Exit codes

| code | meaning |
| --- | --- |
| 0 | Done. |
| 1 | Failed while working, e.g. a file cannot be written; the message gives the reason. |
| 2 | Wrong usage or a wrong scene; nothing was rendered. |
| 130 | Interrupted by Ctrl-C or SIGTERM; no partial files are left. |

## Environment variables

| variable | meaning |
| --- | --- |
| `NOISEREEL_CACHE` | Folder of the cache, which `noisereel cache` prints; by default in the user's cache folder. |
| `TMPDIR` | Folder for temporary files, as for other programs. |
| `OMP_NUM_THREADS` | Number of threads that torch uses. |"""


def page() -> str:
    """Return the page as Markdown."""
    commands = list(_commands(cli))
    headings = [path for path, _ in commands] + ["Exit codes", "Environment variables"]
    sections = [text for path, command in commands for text in _section(path, command)]
    return joined([INTRODUCTION, " · ".join(links(headings)), *sections, ENVIRONMENT])


def _commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield noisereel's own commands with their paths; plugins may have added others."""
    for name, command in group.commands.items():
        full = f"{path} {name}".lstrip()
        if (command.callback.__module__ if command.callback else "").startswith("noisereel."):
            yield full, command
        if isinstance(command, click.Group):
            yield from _commands(command, full)


def _section(path: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=path, show_default=True)
    yield f"## {path}"
    yield code(" ".join(["noisereel", path, *command.collect_usage_pieces(context)]))
    default = f" Without a command: `noisereel {path} list`." if isinstance(command, click.Group) else ""
    yield plain(command.help or "") + default
    rows = [_argument(each, context) for each in command.params if isinstance(each, click.Argument)]
    rows += [_option(each, context) for each in command.params if isinstance(each, click.Option)]
    if rows:
        yield table(["argument or flag", "default", "meaning"], rows)


def _argument(argument: click.Argument, context: click.Context) -> list[str]:
    default = "**required**" if argument.required else str(argument.default or "all")
    return [code(argument.human_readable_name), default, ARGUMENTS[argument.name or ""]]


def _option(option: click.Option, context: click.Context) -> list[str]:
    value = "" if option.is_flag else " " + option.make_metavar(context)
    extra: dict[str, Any] = dict(option.get_help_extra(context))
    default = extra.get("default", "").strip("()")
    limits = f" ({extra['range'].replace('<=x<=', ' to ')})" if "range" in extra else ""
    names = ", ".join(sorted(option.opts, key=len))
    return [code(f"{names}{value}"), default, (option.help or "").rstrip(".") + limits + "."]
