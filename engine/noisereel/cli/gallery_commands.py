"""Gallery commands: list, show and copy the gallery's scenes."""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path
from typing import Any

import click

from ..support.errors import UsageError
from .messages import columns
from .options import Flags, find_registry, plugin_options

__all__ = ["scenes"]


@click.group(invoke_without_command=True)
@click.pass_context
def scenes(ctx: click.Context) -> None:
    """List, show or copy the scenes of the gallery."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_scenes)


@scenes.command("list")
@plugin_options
def list_scenes(**flags: Any) -> None:
    """List every scene of the gallery."""
    files = find_registry(flags).scenes()
    for line in columns((name, _first_comment(file)) for name, file in sorted(files.items())):
        click.echo(line)


@scenes.command("show")
@click.argument("name")
@plugin_options
def show_scene(name: str, **flags: Any) -> None:
    """Print the file of the scene NAME."""
    click.echo(_scene_file(name, flags).read_bytes(), nl=False)


@scenes.command("copy")
@click.argument("name")
@click.argument("target", default=".", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace an existing file.")
@plugin_options
def copy_scene(name: str, target: Path, force: bool, **flags: Any) -> None:
    """Copy the file of the scene NAME to TARGET (a file or a folder, by default the current one), to edit it."""
    from ..support.files import atomic_write

    file = _scene_file(name, flags)
    to = target / file.name if target.is_dir() else target
    if to.exists() and not force:
        raise UsageError(f"{to} already exists: --force replaces it")
    with atomic_write(to) as partial:
        partial.write_bytes(file.read_bytes())
    click.echo(to)


def _scene_file(name: str, flags: Flags) -> Path:
    from ..scene import find_scene
    from ..support.files import is_file

    file = find_scene(name, find_registry(flags))
    if not is_file(file):
        raise UsageError(f"no scene file '{file}'")
    return file


def _first_comment(file: Path) -> str:
    """Return a scene's first comment, up to the end of its first sentence."""
    lines = file.read_text(encoding="utf-8").splitlines()
    comment = ""
    for line in takewhile(lambda line: line.startswith("#"), lines):
        words = line.removeprefix("#").strip()
        comment = f"{comment} {re.split(r'(?<=[.?!]) ', words)[0]}" if comment else words
        if comment.endswith((".", "?", "!")):
            break
    return comment
