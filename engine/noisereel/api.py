"""Public functions: load a scene, validate it, render it, take stills of it, train its denoisers.

The command line is one of their callers. None of them prints, exits, or changes global state; errors are raised as
`NoisereelError` and its subclasses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .film.plan import FilmPlan
from .film.stills import check_times, describe_nearest, every_visit, still_frames, strip
from .film.visits import shown_visits
from .output.files import OutputPath
from .output.options import RenderOptions
from .output.render import Summary, plan_render, render as render_film
from .registry import Registry, load_registry
from .scene import Override, SceneSpec, load_scene
from .simulation.data import load_all
from .simulation.device import find_device
from .simulation.lint import lint
from .simulation.plan import plan_runs
from .simulation.simulate import SimulationContext, train_denoisers
from .simulation.store import TrajectoryStore
from .support.errors import Problem, UsageError
from .support.files import atomic_write, scratch_folder
from .support.folders import cache_folder
from .support.progress import Progress

if TYPE_CHECKING:
    from .film.plan import FrameSelector
    from .simulation.plan import RunPlan

__all__ = ["Summary", "TrainedWeights", "load", "render", "still", "train", "validate"]

Output = str | Path


def load(name: str | Path, overrides: Sequence[Override] = (), *, registry: Registry | None = None) -> SceneSpec:
    """Load a scene.

    Args:
        name: Path of a scene file, or a name from the gallery.
        overrides: Values to change in it, applied in order.
        registry: Registry of plugins; the registry of installed packages if None.

    Raises:
        UsageError: There is no such scene.
        SceneError: The scene is wrong; the error holds every problem found.
    """
    return load_scene(name, registry or load_registry(), overrides)


def validate(scene: SceneSpec, *, registry: Registry | None = None) -> tuple[Problem, ...]:
    """Check everything about a scene that can be checked without simulating, and return its warnings.

    Args:
        scene: The scene.
        registry: Registry of plugins; the registry of installed packages if None.

    Raises:
        NoisereelError: Something is wrong; the message gives the place.
    """
    plans = plan_runs(scene)
    plan_render(scene, plans, (), registry or load_registry())
    return lint(scene, plans)


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

    def rendered(self) -> tuple[Summary, ...]:
        """Render all parts."""
        summaries = []
        for plan, part in zip(self.planned(), self.parts, strict=True):
            for problem in lint(plan.scene, self.plans):
                self.progress.warn(str(problem))
            summaries.append(render_film(plan, part.outputs, self.options, self.registry, self.progress))
        return tuple(summaries)


def render(
    scene: SceneSpec,
    *outputs: Output,
    options: RenderOptions | None = None,
    registry: Registry | None = None,
    progress: Progress | None = None,
    dry_run: bool = False,
) -> tuple[Summary, ...]:
    """Render a scene as films.

    Args:
        scene: The scene.
        outputs: Paths to write; the suffix chooses the format. A path that contains ``{frame}``, ``{step}`` or ``{t}``
            is a pattern for several files.
        options: Options; the defaults, with the cache of the command line, if None.
        registry: Registry of plugins; the registry of installed packages if None.
        progress: Shows progress bars and warnings; quiet if None.
        dry_run: Whether to stop after all checks.

    Returns:
        A summary of each drawing: one for films, and one for outputs with a file per visit.

    Raises:
        NoisereelError: An error that the user can fix. Existing files are left as they were.
    """
    registry, options = registry or load_registry(), options or _default_options()
    scene = _drafted(scene) if options.quality == "draft" else scene
    paths = [OutputPath.parse(str(output), registry) for output in outputs]
    films = [path for path in paths if not path.numbered or path.each_frame]
    visits = [path for path in paths if path not in films]
    parts = [_Part(scene, films, None)] if films else []
    parts += [_Part(scene, visits, every_visit(scene))] if visits else []
    rendering = _Rendering(parts, plan_runs(scene), options, registry, progress or Progress(quiet=True))
    if dry_run:
        rendering.planned()
        return ()
    return rendering.rendered()


def still(
    scene: SceneSpec,
    *outputs: Output,
    at: Sequence[float] | None = None,
    options: RenderOptions | None = None,
    registry: Registry | None = None,
    progress: Progress | None = None,
    dry_run: bool = False,
) -> tuple[Summary, ...]:
    """Take stills of a scene: one picture, a strip of several times, or one file per time.

    Args:
        scene: The scene.
        outputs: Paths to write, as for `render`.
        at: Times to show; the end of the film if None. Several times become a strip, unless a path is a pattern for
            several files.
        options: Options; the defaults, with the cache of the command line, if None.
        registry: Registry of plugins; the registry of installed packages if None.
        progress: Shows progress bars and warnings; quiet if None.
        dry_run: Whether to stop after all checks.

    Raises:
        NoisereelError: An error that the user can fix. Existing files are left as they were.
    """
    registry, options = registry or load_registry(), options or _default_options()
    progress = progress or Progress(quiet=True)
    sized = _is_sized(scene)
    scene = _drafted(scene) if options.quality == "draft" else scene
    paths, plans = [OutputPath.parse(str(output), registry) for output in outputs], plan_runs(scene)
    if at is not None:
        check_times(plans, at)
        for line in describe_nearest(plans, at):
            progress.say(line)
    if at is not None and len(at) > 1 and not any(path.numbered for path in paths):
        scene, at = strip(scene, at, sized=sized), None
    rendering = _Rendering([_Part(scene, paths, still_frames(at))], plans, options, registry, progress)
    if dry_run:
        rendering.planned()
        return ()
    return rendering.rendered()


def _default_options() -> RenderOptions:
    """Return the defaults of the command line."""
    return RenderOptions(cache=cache_folder())


def _is_sized(scene: SceneSpec) -> bool:
    """Return whether an override sets the film's size."""
    return any(change.path == "film.size" for change in scene.document.overrides)


def _drafted(scene: SceneSpec) -> SceneSpec:
    """Return the scene at half its size, unless the user chose a size."""
    if _is_sized(scene):
        return scene
    width, height = (max(16, side // 4 * 2) for side in scene.film.size)
    document = scene.document
    change = Override("--quality", "film.size", f"[{width}, {height}]")
    return scene.model_copy(
        update={
            "film": scene.film.model_copy(update={"size": (width, height)}),
            # Drawing processes read the document again.
            "document": replace(document, overrides=(*document.overrides, change)),
        }
    )


@dataclass(frozen=True, slots=True)
class TrainedWeights:
    """Weights of a trained denoiser.

    Attributes:
        run: Name of the run that the denoiser belongs to.
        file: The file with the weights.
        facts: Facts stored with them: ``step``, ``loss``, and what they were trained on.
    """

    run: str
    file: Path
    facts: dict[str, Any]


def train(
    scene: SceneSpec,
    output: Output | None = None,
    *,
    options: RenderOptions | None = None,
    registry: Registry | None = None,
    progress: Progress | None = None,
) -> tuple[TrainedWeights, ...]:
    """Train the denoisers of a scene that are not trained yet.

    Args:
        scene: The scene.
        output: Path to copy the weights to, ending in .safetensors; may contain ``{run}``.
        options: Options, of which device, cache and resume count; the defaults, with the cache of the command line,
            if None.
        registry: Registry of plugins; the registry of installed packages if None.
        progress: Shows progress bars and warnings; quiet if None.

    Raises:
        UsageError: No run has a denoiser that is trained, or the output cannot hold the weights.
    """
    registry, options = registry or load_registry(), options or _default_options()
    if output is not None and Path(output).suffix != ".safetensors":
        raise UsageError(f"-o {output}: weights are saved as .safetensors, such as {Path(output).stem}.safetensors")
    plans = plan_runs(scene)
    with scratch_folder() as scratch:
        ctx = SimulationContext(
            registry=registry,
            store=TrajectoryStore(options.cache, scratch),
            device=find_device(options.device),
            progress=progress or Progress(quiet=True),
            resume=options.resume,
        )
        shown = shown_visits(scene, plans)
        trained = list(train_denoisers(scene, plans, load_all(scene, registry), shown, ctx))
        if not trained:
            raise UsageError(f"{scene.document.name}: no run has a denoiser that is trained")
        if output is not None and "{run}" not in str(output) and len({file for _, file in trained}) > 1:
            runs = ", ".join(run for run, _ in trained)
            raise UsageError(f"-o {output}: there are several sets of weights ({runs}); put {{run}} into the name")
        return tuple(_copied(run, file, output) for run, file in trained)


def _copied(run: str, file: Path, output: Output | None) -> TrainedWeights:
    """Copy weights to the output path, if one is given."""
    from .learning.weights import read_facts  # imported here, since most scenes train nothing

    path = file
    if output is not None:
        path = Path(str(output).replace("{run}", run))
        with atomic_write(path) as part:
            part.write_bytes(file.read_bytes())
    return TrainedWeights(run, path, read_facts(path))
