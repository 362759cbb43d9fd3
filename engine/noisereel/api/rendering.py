"""Rendering in Python: films, stills and single frames."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self, get_args

from ..contracts.writer import Quality
from ..film.plan import FilmPlan
from ..film.stills import check_times, describe_nearest, every_visit, still_frames, strip
from ..output.files import OutputPath
from ..output.options import RenderOptions
from ..output.render import Summary, draw, plan_render, render as render_film
from ..registry import Registry
from ..scene import SceneSpec
from ..scene.nodes import describe_object
from ..simulation.lint import lint
from ..simulation.plan import plan_runs
from ..support.errors import NoisereelError, UsageError
from ..support.progress import Progress
from .defaults import cache_at, checked_path, checked_scene, progress_of, whole_number

if TYPE_CHECKING:
    from ..contracts.geometry import Pixels
    from ..film.plan import FrameSelector
    from ..simulation.plan import RunPlan
    from .defaults import Cache, PathLike

__all__ = ["Written", "frame", "render", "still"]

_MOST_WORKERS = 64

_AMPLE = 240 * 240
"""Pixels of a frame for each panel that leave room for all labels."""


class Written(tuple[Path, ...]):
    """The files that were written, in order.

    Attributes:
        summaries: A summary of each drawing: one for films, and one for outputs with a file per visit.
    """

    summaries: tuple[Summary, ...]

    def __new__(cls, summaries: Sequence[Summary]) -> Self:
        """Return the files that summaries list."""
        written = super().__new__(cls, (file for summary in summaries for file in summary.files))
        written.summaries = tuple(summaries)
        return written


class _Part(NamedTuple):
    """Outputs that are written from one drawing, and the scene and frames that they show."""

    scene: SceneSpec
    outputs: Sequence[OutputPath]
    select: FrameSelector | None


@dataclass(frozen=True, slots=True)
class _Rendering:
    """The parts to render, and their common settings."""

    parts: Sequence[_Part]
    plans: dict[str, RunPlan]
    options: RenderOptions
    registry: Registry
    progress: Progress

    def planned(self) -> list[FilmPlan]:
        """Plan and check all parts."""
        transparent = self.options.transparent
        return [
            plan_render(part.scene, self.plans, part.outputs, self.registry, part.select, transparent=transparent)
            for part in self.parts
        ]

    def rendered(self) -> Written:
        """Render all parts."""
        summaries = []
        for plan, part in zip(self.planned(), self.parts, strict=True):
            self.warn(plan)
            summaries.append(render_film(plan, part.outputs, self.options, self.registry, self.progress))
        return Written(summaries)

    def drawn(self) -> Pixels:
        """Draw the first frame of the only part."""
        (plan,) = self.planned()
        self.warn(plan)
        return draw(plan, self.options, self.registry, self.progress)

    def warn(self, plan: FilmPlan) -> None:
        """Show the warnings of a scene and of its data."""
        for problem in (*lint(plan.scene, self.plans), *plan.warnings):
            self.progress.warn(str(problem))


def render(
    scene: SceneSpec,
    *outputs: PathLike,
    device: str = "auto",
    cache: Cache = True,
    workers: int = 1,
    quality: Quality = "standard",
    transparent: bool = False,
    compile: bool = False,
    resume: bool = False,
    registry: Registry | None = None,
    progress: Progress | bool = False,
    dry_run: bool = False,
) -> Written:
    """Render a scene as films.

    Args:
        scene: The scene.
        outputs: Paths to write; the suffix chooses the format. A path that contains ``{frame}``, ``{step}`` or ``{t}``
            is a pattern for several files.
        device: Device to simulate on: auto, cpu, cuda or cuda:N.
        cache: Folder to keep runs and weights in; True for the command line's, False for none.
        workers: Number of drawing processes; 1 draws in this one.
        quality: Trade-off between time and fidelity: "draft" (half the size, fast encoding), "standard", or "high"
            (drawn at twice the size, slow encoding).
        transparent: Whether to omit the background.
        compile: Whether to compile the networks of denoisers.
        resume: Whether to resume interrupted training instead of starting again.
        registry: Registry of plugins; the scene's own if None.
        progress: Whether to show progress bars, or what shows them; warnings are Python's if False.
        dry_run: Whether to stop after all checks.

    Returns:
        The files written; none if ``dry_run``.

    Raises:
        NoisereelError: An error that the user can fix. Existing files are left as they were.
    """
    scene, registry = checked_scene(scene, registry)
    workers = whole_number(workers, "workers", 1, _MOST_WORKERS)
    options = RenderOptions(device, cache_at(cache), workers, quality, transparent, compile, resume)
    scene, paths = _at_quality(scene, quality, registry), _parsed(outputs, registry)
    films = [path for path in paths if not path.numbered or path.each_frame]
    visits = [path for path in paths if path not in films]
    parts = [_Part(scene, films, None)] if films else []
    parts += [_Part(scene, visits, every_visit(scene))] if visits else []
    rendering = _Rendering(parts, plan_runs(scene), options, registry, progress_of(progress))
    if dry_run:
        rendering.planned()
        return Written(())
    return rendering.rendered()


def still(
    scene: SceneSpec,
    *outputs: PathLike,
    at: Sequence[float] | float | None = None,
    device: str = "auto",
    cache: Cache = True,
    workers: int = 1,
    quality: Quality = "standard",
    transparent: bool = False,
    compile: bool = False,
    resume: bool = False,
    registry: Registry | None = None,
    progress: Progress | bool = False,
    dry_run: bool = False,
) -> Written:
    """Take stills of a scene: one picture, a strip of several times, or one file per time.

    Args:
        scene: The scene.
        outputs: Paths to write, as for `render`.
        at: Times t to show; the end of the film if None. Several times become a strip, unless a path is a pattern for
            several files.
        device: Device to simulate on: auto, cpu, cuda or cuda:N.
        cache: Folder to keep runs and weights in; True for the command line's, False for none.
        workers: Number of drawing processes; 1 draws in this one.
        quality: Trade-off between time and fidelity: "draft" (half the size, fast encoding), "standard", or "high"
            (drawn at twice the size, slow encoding).
        transparent: Whether to omit the background.
        compile: Whether to compile the networks of denoisers.
        resume: Whether to resume interrupted training instead of starting again.
        registry: Registry of plugins; the scene's own if None.
        progress: Whether to show progress bars, or what shows them; warnings are Python's if False.
        dry_run: Whether to stop after all checks.

    Returns:
        The files written; none if ``dry_run``.

    Raises:
        NoisereelError: An error that the user can fix. Existing files are left as they were.
    """
    scene, registry = checked_scene(scene, registry)
    workers = whole_number(workers, "workers", 1, _MOST_WORKERS)
    options = RenderOptions(device, cache_at(cache), workers, quality, transparent, compile, resume)
    sized, times = _is_sized(scene), _times(at)
    paths, shown = _parsed(outputs, registry), progress_of(progress)
    plans = plan_runs(scene)
    if times is not None:
        check_times(plans, times)
        for line in describe_nearest(plans, times):
            shown.say(line)
    if times is not None and len(times) > 1 and not any(path.numbered for path in paths):
        arranged = partial(strip, plans=plans, times=times, sized=sized)
        scene, times = _at_quality(scene, quality, registry, arranged), None
    else:
        scene = _at_quality(scene, quality, registry)
    rendering = _Rendering([_Part(scene, paths, still_frames(times))], plans, options, registry, shown)
    if dry_run:
        rendering.planned()
        return Written(())
    return rendering.rendered()


def frame(
    scene: SceneSpec,
    t: float | None = None,
    *,
    device: str = "auto",
    cache: Cache = True,
    quality: Quality = "standard",
    compile: bool = False,
    resume: bool = False,
    registry: Registry | None = None,
    progress: Progress | bool = False,
) -> Pixels:
    """Draw one frame of a scene.

    Args:
        scene: The scene.
        t: Time to show, each run at its visit nearest to it; the end of the film if None.
        device: Device to simulate on: auto, cpu, cuda or cuda:N.
        cache: Folder to keep runs and weights in; True for the command line's, False for none.
        quality: Trade-off between time and fidelity: "draft" (half the size, fast encoding), "standard", or "high"
            (drawn at twice the size, slow encoding).
        compile: Whether to compile the networks of denoisers.
        resume: Whether to resume interrupted training instead of starting again.
        registry: Registry of plugins; the scene's own if None.
        progress: Whether to show progress bars, or what shows them; warnings are Python's if False.

    Returns:
        The picture, shape (H, W, 3), uint8.

    Raises:
        NoisereelError: An error that the user can fix, such as a time that no run reaches.
    """
    scene, registry = checked_scene(scene, registry)
    options = RenderOptions(device, cache_at(cache), quality=quality, compile=compile, resume=resume)
    if t is not None and not isinstance(t, Real):
        raise UsageError(f"t must be one number from 0 to T, got {describe_object(t)}; noisereel.still shows several")
    scene, times = _at_quality(scene, quality, registry), _times(t)
    plans = plan_runs(scene)
    if times is not None:
        check_times(plans, times)
    return _Rendering([_Part(scene, (), still_frames(times))], plans, options, registry, progress_of(progress)).drawn()


def _times(at: Sequence[float] | float | None) -> tuple[float, ...] | None:
    """Return times as floats.

    Raises:
        UsageError: They are not numbers.
    """
    if at is None:
        return None
    try:
        return (float(at),) if isinstance(at, Real) else tuple(map(float, at))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise UsageError(f"times must be numbers from 0 to T, got {at!r:.60}") from None


def _parsed(outputs: Sequence[PathLike], registry: Registry) -> list[OutputPath]:
    """Return the output paths.

    Raises:
        UsageError: There are none, or one is no path or names no format.
    """
    if not outputs:
        raise UsageError("name at least one file to write, such as film.gif")
    paths = [checked_path(output, "outputs must be paths, such as film.gif") for output in outputs]
    # As text: a path would lose the slash at the end of a folder's name.
    slashes = ["/" if str(output).endswith(("/", os.sep)) else "" for output in outputs]
    return [OutputPath.parse(f"{path}{slash}", registry) for path, slash in zip(paths, slashes, strict=True)]


def _is_sized(scene: SceneSpec) -> bool:
    """Return whether an override sets the film's size."""
    return any(change.path == "film.size" for change in scene.document.overrides)


def _is_sized_exactly(scene: SceneSpec) -> bool:
    """Return whether an override sets the film's size in pixels, not just its shape, as 1:1 does."""
    changes = [change for change in scene.document.overrides if change.path == "film.size"]
    return bool(changes) and ":" not in changes[-1].text


def _at_quality(
    scene: SceneSpec,
    quality: Quality,
    registry: Registry,
    arranged: Callable[[SceneSpec], SceneSpec] = lambda scene: scene,
) -> SceneSpec:
    """Return the scene, at half its size in draft quality, unless the user chose a size or half is too small.

    Args:
        scene: The scene.
        quality: The quality.
        registry: Registry of plugins.
        arranged: Arranges the scene for its output.

    Raises:
        UsageError: There is no such quality.
    """
    if quality not in get_args(Quality):
        raise UsageError(f"quality must be one of {', '.join(get_args(Quality))}, got {quality!r:.60}")
    if quality != "draft" or _is_sized_exactly(scene):
        return arranged(scene)
    width, height = (max(16, side // 4 * 2) for side in scene.film.size)
    half = arranged(scene.model_copy(update={"film": scene.film.model_copy(update={"size": (width, height)})}))
    return half if _has_room(half, registry) else arranged(scene)


def _has_room(scene: SceneSpec, registry: Registry) -> bool:
    """Return whether a scene's panels fit into its frame; they surely do if each has enough pixels."""
    if math.prod(scene.film.size) >= _AMPLE * len(scene.panels):
        return True
    try:
        plan_render(scene, plan_runs(scene), (), registry)
    except NoisereelError:
        return False
    return True
