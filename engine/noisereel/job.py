"""One scene to render as the command line asks: from a name and flags to films, and what is said of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .errors import UsageError
from .memory import readable

if TYPE_CHECKING:
    import torch

    from .film import Summary, TickMaker
    from .output import Output
    from .registry import Registry
    from .scene import Scene

__all__ = ["Job", "cache_folder", "load", "outline", "train"]

Flags = Mapping[str, Any]


class Job:
    """One scene to render with the flags given.

    Args:
        name: A scene file, or a name from the gallery.
        suffix: The format where none is asked for.
        flags: What click understood.
        registry: Where plugins are found.

    Raises:
        UsageError: A flag cannot be followed, or there is no such scene.
        SceneError: The scene is wrong.
    """

    def __init__(self, name: str, suffix: str, flags: Flags, registry: Registry) -> None:
        from .film import Options
        from .output import Output
        from .progress import Progress

        self.flags, self.registry = flags, registry
        self._progress = Progress(flags["quiet"])
        self.scene = load(name, self.registry, flags)
        if flags["quality"] == "draft" and flags["size"] is None:
            width, height = (max(16, side // 4 * 2) for side in self.scene.film.size)
            self.scene = load(name, self.registry, {**flags, "size": f"{width}x{height}"})
        places = flags["outputs"] or (f"renders/{Path(name).stem}.{suffix}",)
        self.outputs = [Output.parse(place, self.registry) for place in places]
        self._options = Options(
            device=_device(flags["device"]),
            cache=None if flags["no_cache"] else cache_folder(),
            workers=flags["workers"],
            quality=flags["quality"],
            transparent=flags["transparent"],
            resume=flags["resume"],
            compile=flags["compile_"],
        )

    def render(self, outputs: Sequence[Output], ticks: TickMaker | None = None) -> None:
        """Write some of the outputs, say so, and open the first if that is asked for."""
        from .film import render

        done = render(self.scene, outputs, self._options, self.registry, self._progress, ticks)
        self.say(_summary(done, outputs, self.scene.film.size))
        if self.flags["open_"]:
            click.launch(str(done.files[0]))

    def say(self, line: str) -> None:
        """Print a line, unless nothing is to be said."""
        if not self.flags["quiet"]:
            click.echo(line)

    def describe(self, outputs: Sequence[Output], ticks: TickMaker | None = None) -> None:
        """Say what would be done, after checking everything that can be checked without doing it."""
        from .film import check

        check(self.scene, self.registry, outputs, self._options, ticks)
        width, height = self.scene.film.size
        click.echo(f"scene    {self.scene.source.name}: {outline(self.scene)}")
        click.echo(f"film     {width}x{height}, theme {self.scene.film.theme}")
        for output in outputs:
            click.echo(f"output   {output.path}")


def train(name: str, flags: Flags, registry: Registry) -> None:
    """Train the denoisers of a scene, say where their weights are, and copy them where that is asked for."""
    import tempfile

    from .learning.weights import read_facts
    from .options import Options
    from .output import atomic
    from .progress import Progress
    from .recorder import Shelf
    from .simulation import train as trained

    target: str | None = flags["output"]
    if target is not None and Path(target).suffix != ".safetensors":
        raise UsageError(f"-o {target}: weights are kept as .safetensors, such as {Path(target).stem}.safetensors")
    scene = load(name, registry, flags)
    with tempfile.TemporaryDirectory() as scratch:
        options = Options(device=_device(flags["device"]), cache=cache_folder(), resume=flags["resume"])
        shelf = Shelf(options.cache, Path(scratch))
        found = list(trained(scene, options, shelf, registry, Progress(flags["quiet"])))
    if not found:
        raise UsageError(f"{name}: no run has a denoiser that is trained")
    if target is not None and "{run}" not in target and len({file for _, file in found}) > 1:
        runs = ", ".join(run for run, _ in found)
        raise UsageError(f"-o {target}: there are several sets of weights ({runs}); put {{run}} into the name")
    for run, file in found:
        place = file
        if target is not None:
            place = Path(target.replace("{run}", run))
            with atomic(place) as part:
                part.write_bytes(file.read_bytes())
        facts = read_facts(place)
        if not flags["quiet"]:
            size = readable(place.stat().st_size)
            click.echo(f"{place}  (run '{run}': {facts['step']} steps, loss {facts['loss']:.4g}, {size})")


def load(name: str, registry: Registry, flags: Flags) -> Scene:
    """The scene of this name, with what flags change in it; that is checked as if the scene said so."""
    from .scene import Override, load_scene

    changes = [Override.read(setting) for setting in flags["settings"]]
    if flags["size"] is not None:
        changes.append(Override("--size", "film.size", _size(flags["size"])))
    for flag, path in (("seed", "seed"), ("fps", "film.fps"), ("theme", "film.theme")):
        if flags[flag] is not None:
            changes.append(Override(f"--{flag}", path, flags[flag]))
    return load_scene(name, registry, changes)


def outline(scene: Scene) -> str:
    """A scene's runs and length in a few words."""
    runs = "1 run" if len(scene.runs) == 1 else f"{len(scene.runs)} runs"
    return f"{runs}, {scene.film.frames} frames at {float(scene.film.rate):g} fps"


def _size(text: str) -> str:
    if ":" in text:  # a shape, which the film's size knows
        return text
    width, x, height = text.lower().partition("x")
    if not (x and width.strip().isdecimal() and height.strip().isdecimal()):
        raise UsageError(f"--size {text}: write it as WIDTHxHEIGHT in pixels, e.g. --size 1280x720")
    return f"[{int(width)}, {int(height)}]"


def _device(name: str) -> torch.device:
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"--device {name}: known are auto, cpu, cuda and cuda:N")
    there = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= there:
        raise UsageError(f"--device {name}: there is no such device here; CUDA devices found: {there}")
    return device


def cache_folder() -> Path:
    """Where simulated runs and trained weights are kept."""
    import platformdirs

    return Path(os.environ.get("NOISEREEL_CACHE") or platformdirs.user_cache_dir("noisereel"))


def _summary(done: Summary, outputs: Sequence[Output], size: tuple[int, int]) -> str:
    origin = "simulated before" if done.cached else f"simulated in {done.simulated:.1f} s"
    facts = f"{_content(done, outputs)}, {size[0]}x{size[1]}, {_weight(done)}"
    origin = f"{origin}, {done.compiled}" if done.compiled else origin
    return f"{_places(done.files)}  ({facts}; {origin}, filmed in {done.filmed:.1f} s)"


def _content(done: Summary, outputs: Sequence[Output]) -> str:
    if any(not output.numbered for output in outputs) and done.frames > 1:
        return f"{done.frames} frames, {float(done.duration):.1f} s"
    return "1 picture" if len(done.files) == 1 else f"{len(done.files)} pictures"


def _weight(done: Summary) -> str:
    return readable(sum(file.stat().st_size for file in done.files))


def _places(files: Sequence[Path]) -> str:
    return ", ".join(map(str, files)) if len(files) <= 3 else f"{files[0]} … {files[-1]}"
