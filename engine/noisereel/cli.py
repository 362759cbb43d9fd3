"""The command line. The only place where an error becomes text; everything heavy is imported where it is used."""

from __future__ import annotations

import gc
import os
import re
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .errors import NoisereelError, UsageError, suggest

if TYPE_CHECKING:
    from .registry import Registry

__all__ = ["cli", "main"]


class _Cli(click.Group):
    """The built-in commands, and those of plugins; the latter are loaded only when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        _add_plugin_commands(self)
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        found = super().get_command(ctx, name)
        if found is None:
            _add_plugin_commands(self)
            found = super().get_command(ctx, name)
        return found


def _add_plugin_commands(group: click.Group) -> None:
    from .registry import load_registry

    registry = load_registry()
    registry.register_commands(group)
    for warning in registry.warnings:
        click.secho(f"warning: {warning}", fg="yellow", err=True)


@click.group(cls=_Cli, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="noisereel", message="noisereel %(version)s")
def cli() -> None:
    """Film diffusion processes: scene files in; GIF, MP4 and stills out."""


Command = Callable[..., Any]


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several click options as one decorator, shown in the order given."""

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


_plugin_options = _options(
    click.option("--plugin", "plugins", multiple=True, type=click.Path(path_type=Path), metavar="FILE.py",
                 help="Load plugins from a Python file; may be repeated."),
    click.option("--strict-plugins", is_flag=True, help="Stop at a plugin that cannot be loaded."),
    click.option("-v", "--verbose", is_flag=True, help="Show the traceback of an error."),
)  # fmt: skip

_resume_option = click.option("--resume", is_flag=True, help="Go on with training that was interrupted.")
_device_option = click.option("--device", default="auto", metavar="auto|cpu|cuda[:N]", help="Where to compute.")

_scene_options = _options(
    click.option("--set", "settings", multiple=True, metavar="PATH=VALUE",
                 help="Change the scene, e.g. --set film.frames=50; may be repeated."),
    click.option("--seed", metavar="N", help="Seed of all noise."),
    click.option("--fps", metavar="N", help="Frames a second."),
    click.option("--size", metavar="WxH", help="Size in pixels, e.g. 1280x720, or a shape, e.g. 9:16."),
    click.option("--theme", metavar="NAME", help="Theme: dark, light, paper, blackboard, or a YAML or .mplstyle file."),
)  # fmt: skip

_work_options = _options(
    click.option("-o", "--output", "outputs", multiple=True, metavar="FILE",
                 help="Where to write; the suffix chooses the format; may be repeated."),
    click.option("-q", "--quality", type=click.Choice(["draft", "standard", "high"]), default="standard",
                 help="draft: half the size, quick encoding; high: drawn at twice the size, encoded with care."),
    click.option("--transparent", is_flag=True, help="Leave the background out."),
    _device_option,
    click.option("-j", "--workers", type=click.IntRange(1, 64), default=1, help="Processes that draw."),
    click.option("--no-cache", is_flag=True, help="Neither use nor keep simulated runs and trained weights."),
    _resume_option,
    click.option("--compile", "compile_", is_flag=True, help="Compile networks first; pays in long runs."),
    click.option("--dry-run", is_flag=True, help="Say what would be done, and stop."),
    click.option("--open", "open_", is_flag=True, help="Open what was written."),
    click.option("--quiet", is_flag=True, help="Print nothing but errors."),
)  # fmt: skip


@cli.command()
@click.argument("scene")
@_options(_work_options, _scene_options, _plugin_options)
def render(scene: str, **flags: Any) -> None:
    """Render SCENE (a file, or a name from the gallery) as a film."""
    with _importing():
        from .job import Job
        from .stills import visit_ticks

        job = Job(scene, "gif", flags, _registry(flags))
    work = job.describe if flags["dry_run"] else job.render
    films = [output for output in job.outputs if not output.numbered or output.each_frame]
    visits = [output for output in job.outputs if output not in films]
    if films:
        work(films)
    if visits:
        work(visits, visit_ticks(job.scene))


@cli.command(short_help="Take stills of SCENE: one, a strip, or a file each.")
@click.argument("scene")
@click.option("--at", metavar="T[,T…]", help="Times to show; the last moment of the film where left out.")
@_options(_work_options, _scene_options, _plugin_options)
def still(scene: str, at: str | None, **flags: Any) -> None:
    """Take stills of SCENE: one picture, a strip of several times, or a file each ({t}, {step} or {frame} in -o)."""
    with _importing():
        from .job import Job
        from .stills import check_times, nearest_times, parse_times, still_ticks, strip

        job = Job(scene, "png", flags, _registry(flags))
    times = None if at is None else parse_times(at)
    if times is not None:
        check_times(job.scene, times)
        for said in nearest_times(job.scene, times):
            job.say(said)
    numbered = any(output.numbered for output in job.outputs)
    if times is not None and len(times) > 1 and not numbered:
        job.scene, times = strip(job.scene, times, sized=flags["size"] is not None), None
    work = job.describe if flags["dry_run"] else job.render
    work(job.outputs, still_ticks(times))


@cli.command()
@click.argument("scene")
@click.option("-o", "--output", metavar="FILE", help="Copy the weights there, e.g. mine.safetensors; may hold {run}.")
@_options(_device_option, _resume_option, _scene_options, _plugin_options)
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def train(scene: str, **flags: Any) -> None:
    """Train the denoisers of SCENE, and film nothing."""
    from .job import train

    train(scene, flags, _registry(flags))


@cli.command(short_help="Check scenes without simulating them.")
@click.argument("scenes", nargs=-1, required=True)
@_options(_scene_options, _plugin_options)
def validate(scenes: Sequence[str], **flags: Any) -> None:
    """Check scenes: everything that rendering would refuse, without simulating."""
    with _importing():
        from .film import check
        from .job import load, outline
        from .scene.advice import advice

    registry = _registry(flags)
    code = 0
    for name in scenes:
        try:
            scene = load(name, registry, flags)
            check(scene, registry)
            for problem in advice(scene):
                click.secho(f"warning: {problem}", fg="yellow", err=True)
            click.echo(f"{name}: fine  ({outline(scene)})")
        except NoisereelError as error:
            _say(error, flags["verbose"])
            code = max(code, error.exit_code)
    if code:
        raise click.exceptions.Exit(code)


@cli.group(invoke_without_command=True)
@click.pass_context
def scenes(ctx: click.Context) -> None:
    """List, show or copy the scenes of the gallery."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_scenes)


@scenes.command("list")
@_plugin_options
def list_scenes(**flags: Any) -> None:
    """Name every scene of the gallery."""
    from .describe import columns

    found = _registry(flags).scenes()
    for line in columns((name, _first_comment(file)) for name, file in sorted(found.items())):
        click.echo(line)


@scenes.command("show")
@click.argument("name")
@_plugin_options
def show_scene(name: str, **flags: Any) -> None:
    """Print a scene file."""
    click.echo(_scene_file(name, flags).read_bytes(), nl=False)


@scenes.command("copy")
@click.argument("name")
@click.argument("target", default=".", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@_plugin_options
def copy_scene(name: str, target: Path, force: bool, **flags: Any) -> None:
    """Copy a scene file to TARGET (a file or folder), to change it."""
    from .output import atomic

    file = _scene_file(name, flags)
    to = target / file.name if target.is_dir() else target
    if to.exists() and not force:
        raise UsageError(f"{to} is there already: --force replaces it")
    with atomic(to) as partial:
        partial.write_bytes(file.read_bytes())
    click.echo(to)


def _scene_file(name: str, flags: dict[str, Any]) -> Path:
    from .scene import find_scene

    file = find_scene(name, _registry(flags))
    if not file.is_file():
        raise UsageError(f"no scene file '{file}'")
    return file


def _first_comment(file: Path) -> str:
    """What a scene says of itself: its first line, to the end of that line's last sentence."""
    lines = file.read_text(encoding="utf-8").splitlines()
    told = ""
    for line in takewhile(lambda line: line.startswith("#"), lines):
        words = line.removeprefix("#").strip()
        told = f"{told} {re.split(r'(?<=[.?!]) ', words)[0]}" if told else words
        if told.endswith((".", "?", "!")):
            break
    return told


@cli.group(invoke_without_command=True)
@click.pass_context
def plugins(ctx: click.Context) -> None:
    """List plugins, or show one's parameters."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_plugins)


@plugins.command("list", short_help="Name every plugin, or say what those of one KIND are.")
@click.argument("kind", required=False)
@_plugin_options
def list_plugins(kind: str | None, **flags: Any) -> None:
    """Name every plugin, and those that could not be loaded; of one KIND, such as sampler, say what each is."""
    from .describe import columns, summaries

    registry = _registry(flags, warn=False)
    if kind is not None and kind not in registry.kinds:
        raise UsageError(f"no kind of plugin is called '{kind}'; {suggest(kind, registry.kinds)}")
    for each in registry.kinds if kind is None else (kind,):
        click.echo(f"{each}:")
        names = [(name, registry.package(each, name)) for name in registry.names(each)]
        for line in columns(names if kind is None else summaries(each, registry), "  "):
            click.echo(line)
    for warning in registry.warnings:
        click.secho(f"not loaded: {warning}", fg="yellow")


@plugins.command("show")
@click.argument("name")
@_plugin_options
def show_plugin(name: str, **flags: Any) -> None:
    """Show what a plugin is and its parameters; NAME may be kind/name."""
    from .describe import describe

    click.echo("\n\n".join(describe(name, _registry(flags))))


@cli.group(invoke_without_command=True)
@click.pass_context
def cache(ctx: click.Context) -> None:
    """List what is kept of earlier work, or clear it."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_cache)


@cache.command("list")
def list_cache() -> None:
    """Say what is kept, and how large it is."""
    from .cache import overview
    from .job import cache_folder

    for line in overview(cache_folder()):
        click.echo(line)


@cache.command("clear", short_help="Remove what is kept, or one kind of it.")
@click.argument("what", type=click.Choice(["runs", "denoisers", "all"]), default="all")
def clear_cache(what: str) -> None:
    """Remove simulated runs, trained denoisers, or all; they are made again when they are needed."""
    from .cache import clear
    from .job import cache_folder

    click.echo(clear(cache_folder(), what))


def _registry(flags: Mapping[str, Any], warn: bool = True) -> Registry:
    """All plugins; those that cannot be loaded are warned of."""
    from .registry import load_registry

    registry = load_registry(flags["plugins"], strict=flags["strict_plugins"])
    for warning in registry.warnings if warn and not flags.get("quiet") else ():
        click.secho(f"warning: {warning}", fg="yellow", err=True)
    return registry


def _say(error: NoisereelError, verbose: bool) -> None:
    if verbose:
        traceback.print_exception(error)
    else:
        click.secho(str(error), fg="red", err=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; exits with 0 done, 1 failed, 2 wrong usage or scene, 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    verbose = bool({"-v", "--verbose"} & {*arguments})
    # Two threads that spin while they wait stall small work on shared machines; must be said before torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with _terminable(), warnings.catch_warnings():
        if not verbose:
            warnings.simplefilter("ignore")
        code = _run(arguments, verbose)
    gc.freeze()  # on its way out, Python would look for garbage among everything that was imported
    sys.exit(code)


def _run(arguments: list[str], verbose: bool) -> int:
    """Run a command; gives the exit code."""
    try:
        code = cli.main(args=arguments, prog_name="noisereel", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except NoisereelError as error:
        _say(error, verbose)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.secho("interrupted", fg="yellow", err=True)
        return 130
    except BrokenPipeError:  # whoever read our output has gone, as in `noisereel scenes show NAME | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


@contextmanager
def _importing() -> Iterator[None]:
    """Look for no garbage meanwhile, nor later among what is there by then: imports make much, and all of it stays."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def _terminable() -> Iterator[None]:
    """A polite kill ends the program as Ctrl-C does: nothing half-written stays behind."""
    if threading.current_thread() is not threading.main_thread():  # where no signal arrives
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    main()
