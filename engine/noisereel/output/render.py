"""Rendering: simulate, then draw and encode at the same time; all files appear together at the end, or none."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import repeat
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..contracts.writer import Frame
from ..film.composition import Film, compose, run_views
from ..film.plan import FilmPlan, film_frames, named_visits, plan_film
from ..film.visits import shown_visits
from ..simulation.device import find_device
from ..simulation.simulate import SimulatedRun, SimulationContext, notify, simulate
from ..simulation.store import TrajectoryStore
from ..support.compiled import Compiler, uncompiled
from ..support.files import AtomicFiles, scratch_folder
from .encoder import check_names, check_outputs, encoder, rate_warnings, writer_of
from .inputs import refuse_inputs
from .workers import pixels_of

if TYPE_CHECKING:
    from ..contracts.geometry import Pixels
    from ..contracts.trajectory import Trajectory
    from ..film.plan import FrameSelector
    from ..film.timeline import FrameSpec
    from ..registry import Registry
    from ..scene import SceneSpec
    from ..simulation.plan import RunPlan
    from ..support.progress import Progress
    from .encoder import EncoderThread
    from .files import OutputPath
    from .options import RenderOptions

__all__ = ["Summary", "draw", "plan_render", "render"]

_MAX_TIMES_WIDER = 100  # than its data: far beyond what guidance does
_ROUNDING = 1e-6  # relative error of particles in float32, so that a single point's copies do not count as wide


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of a rendering.

    Attributes:
        files: The files written.
        frames: Frames drawn.
        size: (width, height) in pixels.
        is_film: Whether a file holds several frames.
        duration: Length of the film, in seconds.
        simulated: Seconds spent simulating.
        filmed: Seconds spent drawing and encoding.
        cached: Whether every run came from the cache.
        compiled: Cost and savings of compiling, if anything was compiled.
    """

    files: tuple[Path, ...]
    frames: int
    size: tuple[int, int]
    is_film: bool
    duration: Fraction
    simulated: float
    filmed: float
    cached: bool
    compiled: str | None = None


def plan_render(
    scene: SceneSpec,
    runs: Mapping[str, RunPlan],
    outputs: Sequence[OutputPath],
    registry: Registry,
    select: FrameSelector | None = None,
    *,
    transparent: bool = False,
) -> FilmPlan:
    """Plan a film, and check everything that can be checked without simulating, its outputs included.

    Args:
        scene: The scene.
        runs: The plan of each run.
        outputs: The outputs; all are written from one drawing.
        registry: Registry of plugins.
        select: Chooses the frames; the whole film's if None.
        transparent: Whether to omit the background.

    Raises:
        NoisereelError: Something is wrong; the message gives the place.
    """

    def check_frames(frames: Sequence[FrameSpec]) -> None:
        check_outputs(outputs, len(frames), registry, transparent=transparent)
        paths = check_names(outputs, named_visits(scene, {name: run.times for name, run in runs.items()}, frames))
        refuse_inputs([output.path for output in outputs if not output.numbered] + paths, scene, registry)

    return plan_film(scene, runs, registry, select, check_frames=check_frames)


def render(
    plan: FilmPlan, outputs: Sequence[OutputPath], options: RenderOptions, registry: Registry, progress: Progress
) -> Summary:
    """Simulate a scene (or take it from the cache), draw it and write every output.

    Args:
        plan: The scene, planned for these outputs by `plan_render`.
        outputs: The outputs; all are written from one drawing.
        options: Options.
        registry: Registry of plugins.
        progress: Shows progress bars and warnings.

    Raises:
        NoisereelError: An error that the user can fix. Existing files are left as they were.
    """
    start = perf_counter()
    compiler = Compiler(progress.warn) if options.compile else None
    for warning in rate_warnings(outputs, len(plan.frames), plan.scene.film.rate, registry):
        progress.warn(warning)
    with AtomicFiles() as files, _context(options, registry, progress, compiler) as ctx:
        # Created first, so that an unwritable path fails before any work is done.
        parts = [None if output.numbered else files.part(output.path) for output in outputs]
        simulated, shown, frames = _simulated(plan, ctx)
        seconds = perf_counter() - start
        film = _composed(plan.scene, simulated, shown, frames, ctx, transparent=options.transparent)
        _write(film, list(zip(outputs, parts, strict=True)), options, files, ctx)
    for file in files.paths:
        notify(registry, "film_finished", path=file)
    return Summary(
        files=files.paths,
        frames=len(frames),
        size=plan.scene.film.size,
        is_film=len(frames) > 1 and any(not output.numbered for output in outputs),
        duration=sum((frame.duration for frame in frames), Fraction(0)),
        simulated=seconds,
        filmed=perf_counter() - start - seconds,
        cached=all(run.cached for run in simulated.values()),
        compiled=None if compiler is None else compiler.summary,
    )


def draw(plan: FilmPlan, options: RenderOptions, registry: Registry, progress: Progress) -> Pixels:
    """Simulate a scene (or take it from the cache) and draw the first frame of a plan, shape (H, W, 3).

    Args:
        plan: The scene, planned by `plan_render`.
        options: Options.
        registry: Registry of plugins.
        progress: Shows progress bars and warnings.

    Raises:
        NoisereelError: An error that the user can fix.
    """
    compiler = Compiler(progress.warn) if options.compile else None
    with _context(options, registry, progress, compiler) as ctx:
        simulated, shown, frames = _simulated(plan, ctx)
        film = _composed(plan.scene, simulated, shown, frames, ctx, transparent=options.transparent)
        with closing(pixels_of(film, registry, 1, finely=options.quality == "high")) as drawn:
            return next(drawn)


@contextmanager
def _context(
    options: RenderOptions, registry: Registry, progress: Progress, compiler: Compiler | None
) -> Iterator[SimulationContext]:
    """Yield what simulations need; what they use of the cache may be cleared afterwards."""
    with scratch_folder() as scratch, closing(TrajectoryStore(options.cache, scratch)) as store:
        yield SimulationContext(
            registry=registry,
            store=store,
            device=find_device(options.device),
            progress=progress,
            resume=options.resume,
            compile=compiler or uncompiled,
        )


def _simulated(
    plan: FilmPlan, ctx: SimulationContext
) -> tuple[dict[str, SimulatedRun], dict[str, list[int]], tuple[FrameSpec, ...]]:
    """Return the simulated runs, the visits that the film shows, and the frames to draw."""
    # Curves cover the whole film, even in a still.
    frames = [*film_frames(plan.scene, plan.runs), *plan.frames]
    shown = shown_visits(plan.scene, plan.runs, frames)
    runs = simulate(plan.scene, plan.runs, plan.data, shown, ctx)
    if plan.scene.film.align != "calls":
        return runs, shown, plan.frames
    calls = {name: run.trajectory.calls for name, run in runs.items()}
    aligned = tuple(_at_kept_visits(frame, runs) for frame in plan.select(plan.runs, calls))
    shown = {name: sorted({*visits, *(f.indices[name] for f in aligned)}) for name, visits in shown.items()}
    return runs, shown, aligned


def _at_kept_visits(frame: FrameSpec, runs: Mapping[str, SimulatedRun]) -> FrameSpec:
    """Return a frame chosen after simulating, with each run at the kept visit nearest to the chosen one."""
    return replace(frame, indices={name: _nearest_kept(runs[name].trajectory, i) for name, i in frame.indices.items()})


def _nearest_kept(run: Trajectory, index: int) -> int:
    return index if run.kept(index) else min(run.kept_visits, key=lambda kept: abs(kept - index))


def _composed(
    scene: SceneSpec,
    simulated: Mapping[str, SimulatedRun],
    shown: Mapping[str, Sequence[int]],
    frames: Sequence[FrameSpec],
    ctx: SimulationContext,
    *,
    transparent: bool,
) -> Film:
    """Compose the film, which measures everything that it shows, and save the measurements."""
    for warning in _divergence_warnings(simulated):
        ctx.progress.warn(warning)
    views = run_views(scene, simulated, shown)
    film = compose(scene, views, frames, ctx.registry, transparent=transparent)
    for run in simulated.values():
        try:
            run.measurements.save()
        except OSError as error:
            ctx.progress.warn(f"measurements are not cached: {error.strerror or error}")
    return film


def _divergence_warnings(simulated: Mapping[str, SimulatedRun]) -> Iterator[str]:
    """Yield a warning for each reverse run whose particles end far outside its data."""
    for name, run in simulated.items():
        trajectory = run.trajectory
        first, last = trajectory.levels[0], trajectory.levels[-1]
        x = trajectory.series("x", trajectory.kept_visits[-1])
        if x is None or first.t <= last.t:
            continue
        x0 = trajectory.data.x0.double().numpy()
        centre = x0.mean(0)
        expected = math.hypot(last.alpha * _width(x0 - centre), last.sigma)
        times_wider = _width(x - last.alpha * centre) / max(expected, _ROUNDING * (1 + _width(centre)))
        if times_wider > _MAX_TIMES_WIDER:
            yield (
                f"run '{name}': its particles end {times_wider:,.0f} times wider than its data, at t = {last.t:g}: "
                "the sampler diverged; try more steps, another spacing or another sampler"
            )


def _width(x: NDArray[np.float64]) -> float:
    """Return the root mean square of all numbers."""
    return math.sqrt(np.square(x).mean())


def _write(
    film: Film,
    outputs: Sequence[tuple[OutputPath, Path | None]],
    options: RenderOptions,
    files: AtomicFiles,
    ctx: SimulationContext,
) -> None:
    """Draw every frame once and hand it to every output."""
    # The bar counts frames written to each output, so that it is full when the last file is complete.
    total = len(film.frames) * len(outputs)
    with ctx.progress.bar("filming", total) as advance, ExitStack() as stack:
        encoders = []
        for output, part in outputs:
            writer = writer_of(output, ctx.registry)
            context = encoder(output, film, writer, options, files, part=part, advance=advance)
            encoders.append(stack.enter_context(context))
        pixels: Iterator[Pixels | None] = repeat(None)
        if any(thread.takes == "pixels" for thread in encoders):
            frames = pixels_of(film, ctx.registry, options.workers, finely=options.quality == "high")
            pixels = stack.enter_context(closing(frames))
        times = {name: run.trajectory.times for name, run in film.runs.items()}
        for index, visit in enumerate(named_visits(film.scene, times, film.frames)):
            _hand_over(film, index, visit, next(pixels), encoders)


def _hand_over(
    film: Film, index: int, visit: tuple[int, float], pixels: Pixels | None, encoders: Sequence[EncoderThread]
) -> None:
    """Queue one frame for every output, with the content that its writer takes."""
    for thread in encoders:
        content: Any = pixels
        if thread.takes == "drawing":
            content = film.drawing(index)
        elif thread.takes == "trajectory":
            content = {name: run.trajectory for name, run in film.runs.items()}
        thread.put(Frame(index, film.frames[index].duration, content), visit)
