"""Scene commands: render, still, train and validate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..support.errors import NoisereelError, UsageError
from ..support.memory import format_bytes
from ..support.printable import printable
from .imports import importing
from .messages import print_error, print_warning
from .options import (
    Flags,
    device_option,
    find_registry,
    load_with,
    options,
    output_option,
    plugin_options,
    render_options,
    resume_option,
    scene_options,
    work_options,
)

if TYPE_CHECKING:
    from ..api import Summary, Written
    from ..scene import SceneSpec

__all__ = ["render", "still", "train", "validate"]


@click.command()
@click.argument("scene")
@options(output_option("gif"), work_options, scene_options, plugin_options)
def render(scene: str, **flags: Any) -> None:
    """Render SCENE (a file, or a name from the gallery) as a film."""
    with importing():
        from .. import api
    _run(api.render, scene, "gif", flags)


@click.command(short_help="Take stills of SCENE: one, a strip, or several files.")
@click.argument("scene")
@click.option("--at", metavar="T[,T…]", show_default="the end of the film", help="Times to show, from 0 to T.")
@options(output_option("png"), work_options, scene_options, plugin_options)
def still(scene: str, at: str | None, **flags: Any) -> None:
    """Take stills of SCENE: one picture, a strip of several times, or several files ({t}, {step} or {frame} in -o)."""
    with importing():
        from .. import api
    _run(partial(api.still, at=None if at is None else _parse_times(at)), scene, "png", flags)


def _run(work: Callable[..., Written], name: str, suffix: str, flags: Flags) -> None:
    """Render films or stills and print a line for each drawing, or just print the plan."""
    from ..support.progress import Progress

    with importing():
        registry = find_registry(flags)
        scene = load_with(name, flags, registry)
    outputs = flags["outputs"] or (f"renders/{Path(name).stem}.{suffix}",)
    progress = Progress(flags["quiet"])
    written = work(scene, *outputs, **render_options(flags), progress=progress, dry_run=flags["dry_run"])
    if flags["dry_run"]:
        _print_plan(scene, outputs)
    for summary in written.summaries:
        progress.say(_summary_line(summary))
        if flags["open_"]:
            click.launch(str(summary.files[0]))


def _parse_times(text: str) -> tuple[float, ...]:
    """Return the times in ``"0,6,12"``.

    Raises:
        UsageError: The text is not a list of times.
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--at {text}: write times as numbers from 0 to T, e.g. --at 0,6,12") from None


def _print_plan(scene: SceneSpec, outputs: Sequence[str]) -> None:
    width, height = scene.film.size
    click.echo(f"scene    {scene.document.name}: {_outline(scene)}")
    click.echo(f"film     {width}x{height}, theme {scene.film.theme}")
    for output in outputs:
        click.echo(f"output   {output}")


def _outline(scene: SceneSpec) -> str:
    """Return a short description of a scene's runs and length."""
    runs = "1 run" if len(scene.runs) == 1 else f"{len(scene.runs)} runs"
    return f"{runs}, {scene.film.frames} frames at {float(scene.film.rate):g} fps"


def _summary_line(summary: Summary) -> str:
    width, height = summary.size
    origin = "simulation cached" if summary.cached else f"simulated in {summary.simulated:.1f} s"
    size = format_bytes(sum(file.stat().st_size for file in summary.files))
    origin = f"{origin}, {summary.compiled}" if summary.compiled else origin
    facts = f"{_content(summary)}, {width}x{height}, {size}"
    return f"{_file_names(summary.files)}  ({facts}; {origin}, filmed in {summary.filmed:.1f} s)"


def _content(summary: Summary) -> str:
    if summary.is_film:
        return f"{summary.frames} frames, {float(summary.duration):.1f} s"
    return "1 picture" if len(summary.files) == 1 else f"{len(summary.files)} pictures"


def _file_names(files: Sequence[Path]) -> str:
    return ", ".join(map(str, files)) if len(files) <= 3 else f"{files[0]} … {files[-1]}"


@click.command()
@click.argument("scene")
@click.option("-o", "--output", metavar="FILE", help="File to copy the weights to (.safetensors); may contain {run}.")
@options(device_option, resume_option, scene_options, plugin_options)
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def train(scene: str, output: str | None, **flags: Any) -> None:
    """Train the denoisers of SCENE without rendering it."""
    with importing():
        from .. import api
        from ..support.progress import Progress

        registry = find_registry(flags)
    progress = Progress(flags["quiet"])
    loaded, settings = load_with(scene, flags, registry), {"device": flags["device"], "resume": flags["resume"]}
    for weights in api.train(loaded, output, **settings, progress=progress):
        size, facts = format_bytes(weights.file.stat().st_size), weights.facts
        progress.say(f"{weights.file}  (run '{weights.run}': {facts['step']} steps, loss {facts['loss']:.4g}, {size})")


@click.command(short_help="Check scenes without simulating them.")
@click.argument("scenes", nargs=-1, required=True)
@options(scene_options, plugin_options)
def validate(scenes: Sequence[str], **flags: Any) -> None:
    """Check scenes for everything that rendering would refuse, without simulating."""
    with importing():
        from .. import api

        registry = find_registry(flags)
    code = 0
    for name in scenes:
        try:
            scene = load_with(name, flags, registry)
            for problem in api.validate(scene):
                print_warning(str(problem))
            click.echo(printable(f"{name}: fine  ({_outline(scene)})"))
        except NoisereelError as error:
            print_error(error, verbose=flags["verbose"])
            code = max(code, error.exit_code)
    if code:
        raise click.exceptions.Exit(code)
