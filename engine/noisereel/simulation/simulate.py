"""Simulate the runs of a scene, or find their trajectories in the cache; train denoisers without simulating."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..contracts.calls import call
from ..contracts.denoiser import DenoiserContext, Pairs, TrainingContext
from ..contracts.identity import UnkeyableError, identity
from ..contracts.trajectory import Trajectory
from ..scene import PluginSpecs
from ..support.compiled import Compile, uncompiled
from ..support.errors import plugin_errors
from ..support.progress import Progress
from ..support.threads import settle
from .measurements import Measurements
from .recording import Recorder, run_key, trajectory_of
from .run import Run
from .store import TrajectoryStore

if TYPE_CHECKING:
    from ..contracts.dataset import Data
    from ..contracts.state import State
    from ..registry import Registry
    from ..scene import RunSpec, SceneSpec
    from .plan import RunPlan

__all__ = ["SimulatedRun", "SimulationContext", "bound_runs", "notify", "simulate", "train_denoisers"]


@dataclass(frozen=True, slots=True)
class SimulationContext:
    """Settings and services of a simulation.

    Attributes:
        registry: Plugins and observers.
        store: Folders for trajectories and weights.
        device: Device that runs are simulated on.
        progress: Shows progress bars and warnings.
        resume: Whether to resume interrupted training.
        compile: Compiles the networks of denoisers, see `TrainingContext`.
    """

    registry: Registry
    store: TrajectoryStore
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    progress: Progress = field(default_factory=lambda: Progress(quiet=True))
    resume: bool = False
    compile: Compile = uncompiled


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedRun:
    """A run after its simulation.

    Attributes:
        trajectory: The visited states.
        measurements: Values of probes on them.
        key: Its cache key; None if it cannot be cached.
        cached: Whether it was found in the cache.
    """

    trajectory: Trajectory
    measurements: Measurements
    key: str | None
    cached: bool


def simulate(
    scene: SceneSpec,
    plans: Mapping[str, RunPlan],
    data: Mapping[str, Data],
    shown: Mapping[str, Sequence[int]],
    ctx: SimulationContext,
) -> dict[str, SimulatedRun]:
    """Simulate every run of a scene, or find it in the cache.

    Args:
        scene: The scene.
        plans: The plan of each run.
        data: The data of each run, on the CPU.
        shown: The visits of each run that the film shows.
        ctx: Settings and services.
    """
    done: dict[str, SimulatedRun] = {}
    with ctx.progress.bar("simulating", sum(len(plan.levels) for plan in plans.values())) as advance:
        for run in bound_runs(scene, plans, data, done, ctx):
            done[run.spec.name] = _simulated(run, scene, done, shown[run.spec.name], ctx, advance=advance)
    return {name: done[name] for name in scene.runs}


def train_denoisers(
    scene: SceneSpec,
    plans: Mapping[str, RunPlan],
    data: Mapping[str, Data],
    shown: Mapping[str, Sequence[int]],
    ctx: SimulationContext,
) -> Iterator[tuple[str, Path]]:
    """Train the denoisers of a scene; yields each run whose denoiser has weights, and the file with them.

    Only runs that others depend on are simulated. The arguments are those of `simulate`.
    """
    needed = {name for spec in scene.runs.values() for name in spec.depends_on}
    done: dict[str, SimulatedRun] = {}
    for run in bound_runs(scene, plans, data, done, ctx):
        name = run.spec.name
        if run.spec.denoiser is not None:
            file = call(run.spec.denoiser, "weights_file", run.context, returns=(Path, type(None)))
            if file is not None:
                yield name, file
        if name in needed:
            with ctx.progress.bar("simulating", len(run.plan.levels)) as advance:
                done[name] = _simulated(run, scene, done, shown[name], ctx, advance=advance)


def bound_runs(
    scene: SceneSpec,
    plans: Mapping[str, RunPlan],
    data: Mapping[str, Data],
    done: Mapping[str, SimulatedRun],
    ctx: SimulationContext,
) -> Iterator[Run]:
    """Yield every run after those that it depends on; they must be in ``done`` by then."""
    settle()
    on_device = {id(loaded): loaded.to(ctx.device) for loaded in data.values()}
    training = TrainingContext(
        cache=(ctx.store.root or ctx.store.scratch) / "denoisers",
        persistent=ctx.store.root is not None,
        resume=ctx.resume,
        progress=ctx.progress,
        compile=ctx.compile,
        plugins=PluginSpecs(ctx.registry),
        provenance=scene.document.given,
    )
    unkeyed = replace(training, cache=ctx.store.scratch / "denoisers", persistent=False)
    for spec in scene.run_order:
        local, folder = on_device[id(data[spec.name])], scene.document.folder
        pairs = None if spec.pairs is None else _pairs(done[spec.pairs].trajectory)
        own = training if _is_keyable(spec) else unkeyed
        context = DenoiserContext(local, spec.schedule, ctx.device, folder, spec.seed, pairs, own)
        predecessor = None if spec.start_run is None else done[spec.start_run.run].trajectory
        yield Run(spec, plans[spec.name], context, predecessor)


def _pairs(run: Trajectory) -> Pairs:
    """Return the samples that a run ended in, with the noise that it began with."""
    first, last = run.series("x", 0), run.series("x", len(run) - 1)
    assert first is not None and last is not None, "both ends of every trajectory are kept"
    return Pairs(torch.tensor(last), torch.tensor(first) / call(run.schedule, "prior_std", returns=Real))


def _simulated(
    run: Run,
    scene: SceneSpec,
    done: Mapping[str, SimulatedRun],
    shown: Sequence[int],
    ctx: SimulationContext,
    *,
    advance: Callable[[int], None],
) -> SimulatedRun:
    """Find a run in the cache or simulate it now, and notify observers."""
    key = _key(run, shown, scene.document.folder, done, ctx.progress)
    recorder = Recorder(ctx.store, ctx.progress.warn)
    arrays = None if key is None else recorder.find(run, key, shown)
    notify(ctx.registry, "run_started", run=run, cached=arrays is not None)
    if arrays is None:
        trajectory, folder = recorder.record(run, key, shown, _watcher(run, ctx.registry, advance))
    else:
        trajectory, folder = trajectory_of(run, arrays), ctx.store.folder(str(key))
        advance(len(run.plan.levels))
    notify(ctx.registry, "run_finished", run=run, trajectory=trajectory)
    measurements = Measurements(trajectory, run.measure_context, folder)
    return SimulatedRun(trajectory, measurements, key, arrays is not None)


def _key(
    run: Run, shown: Sequence[int], folder: Path, done: Mapping[str, SimulatedRun], progress: Progress
) -> str | None:
    """Return a run's cache key; None, with a warning, if a part of it or of a run that it depends on has none."""
    keys = [done[name].key for name in run.spec.depends_on]
    try:
        return None if None in keys else run_key(run, shown, folder, "+".join(map(str, keys)) or None)
    except UnkeyableError as error:
        progress.warn(f"run '{run.spec.name}' is not cached: {error}")
        return None


def _is_keyable(spec: RunSpec) -> bool:
    """Return whether a run's denoiser can be cached."""
    try:
        identity([spec.denoiser, spec.schedule])
    except UnkeyableError:
        return False
    return True


def _watcher(run: Run, registry: Registry, advance: Callable[[int], None]) -> Callable[[State], None]:
    """Return a function that counts states, and hands them to observers if there are any."""
    if not registry.has_observers("timestep"):
        return lambda state: advance(1)

    def watch(state: State) -> None:
        notify(registry, "timestep", run=run, state=state)
        advance(1)

    return watch


def notify(registry: Registry, hook: str, **facts: Any) -> None:
    """Call an observer hook.

    Raises:
        PluginError: An observer raised.
    """
    try:
        getattr(registry.hooks, hook)(**facts)
    except BaseException as error:
        with plugin_errors(f"{registry.observer_in(error, hook)} ({hook})"):
            raise
