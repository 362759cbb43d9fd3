"""Options shared by commands, and their application to scenes and rendering."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..support.errors import UsageError
from .messages import print_warning

if TYPE_CHECKING:
    from ..registry import Registry
    from ..scene import SceneSpec

__all__ = [
    "Flags",
    "device_option",
    "find_registry",
    "load_with",
    "named_files",
    "options",
    "output_option",
    "plugin_options",
    "render_options",
    "resume_option",
    "scene_options",
    "work_options",
]

Command = Callable[..., Any]
Flags = Mapping[str, Any]


def options(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Combine several click options into one decorator, shown in the order given."""

    def add(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return add


plugin_options = options(
    click.option("--plugin", "plugins", multiple=True, type=click.Path(path_type=Path), metavar="FILE.py",
                 help="Load plugins from a Python file; may be repeated."),
    click.option("--strict-plugins", is_flag=True, help="Fail if a plugin cannot be loaded."),
    click.option("-v", "--verbose", is_flag=True, help="Show the traceback of an error."),
)  # fmt: skip

resume_option = click.option("--resume", is_flag=True, help="Resume training that was interrupted.")
device_option = click.option(
    "--device",
    default="auto",
    metavar="auto|cpu|cuda[:N]",
    help="Device to simulate and train on; auto is the GPU, if there is one.",
)

scene_options = options(
    click.option("--set", "settings", multiple=True, metavar="PATH=VALUE",
                 help="Change the scene, e.g. --set film.frames=50; may be repeated."),
    click.option("--seed", metavar="N", help="Seed of all runs that set none themselves; replaces the scene's."),
    click.option("--fps", metavar="N", help="Frames per second; replaces the scene's."),
    click.option("--size", metavar="WxH",
                 help="Size in pixels, e.g. 1280x720, or an aspect ratio, e.g. 9:16; replaces the scene's."),
    click.option("--theme", metavar="NAME",
                 help="Theme: dark, light, paper, blackboard, or a YAML or .mplstyle file; replaces the scene's."),
)  # fmt: skip

work_options = options(
    click.option("-q", "--quality", type=click.Choice(["draft", "standard", "high"]), default="standard",
                 help="draft: half the size, fast encoding; high: drawn at twice the size, slow encoding."),
    click.option("--transparent", is_flag=True, help="Omit the background; GIF has no partial transparency."),
    device_option,
    click.option("-j", "--workers", type=click.IntRange(1, 64), default=1, metavar="N",
                 help="Number of drawing processes."),
    click.option("--no-cache", is_flag=True, help="Neither read nor write cached runs and trained weights."),
    resume_option,
    click.option("--compile", "compile_", is_flag=True, help="Compile networks first; worth it for long runs."),
    click.option("--dry-run", is_flag=True, help="Check everything and print the plan, but render nothing."),
    click.option("--open", "open_", is_flag=True, help="Open the first file written."),
    click.option("--quiet", is_flag=True, help="Print nothing but errors."),
)  # fmt: skip


def output_option(suffix: str) -> Callable[[Command], Command]:
    """Return the option for the files to write, by default one in ``renders`` with this suffix."""
    return click.option("-o", "--output", "outputs", multiple=True, metavar="FILE",
                        show_default=f"renders/SCENE.{suffix}",
                        help="File to write; the suffix chooses the format; may be repeated.")  # fmt: skip


def find_registry(flags: Flags, *, warn: bool = True) -> Registry:
    """Load all plugins, and warn about those that cannot be loaded."""
    from ..registry import load_registry

    files = (*named_files(click.get_current_context()), *flags["plugins"])
    registry = load_registry(files, strict=flags["strict_plugins"])
    for warning in registry.warnings if warn and not flags.get("quiet") else ():
        print_warning(warning)
    return registry


def named_files(ctx: click.Context) -> tuple[Path, ...]:
    """Return the plugin files named before the command: ``noisereel --plugin FILE.py COMMAND``."""
    files: tuple[Path, ...] = ctx.find_root().params.get("plugins", ())
    return files


def load_with(name: str, flags: Flags, registry: Registry) -> SceneSpec:
    """Load a scene and apply the flags that change it, which are validated like the scene itself."""
    from ..api import load
    from ..scene import Override

    changes = [Override.read(setting) for setting in flags["settings"]]
    if flags["size"] is not None:
        changes.append(Override("--size", "film.size", _size(flags["size"])))
    for flag, path in (("seed", "seed"), ("fps", "film.fps"), ("theme", "film.theme")):
        if flags[flag] is not None:
            changes.append(Override(f"--{flag}", path, flags[flag]))
    return load(name, changes, registry=registry)


def _size(text: str) -> str:
    if ":" in text:  # an aspect ratio, which the film's settings accept
        return text
    width, x, height = text.lower().partition("x")
    if not (x and width.strip().isdecimal() and height.strip().isdecimal()):
        raise UsageError(f"--size {text}: write it as WIDTHxHEIGHT in pixels, e.g. --size 1280x720")
    return f"[{int(width)}, {int(height)}]"


def render_options(flags: Flags) -> dict[str, Any]:
    """Return the keywords of a rendering."""
    names = ("device", "workers", "quality", "transparent", "resume")
    return {name: flags[name] for name in names} | {"cache": not flags["no_cache"], "compile": flags["compile_"]}
