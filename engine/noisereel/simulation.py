"""From a scene to the records of its runs, each simulated once or taken from the cache."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from .compiled import Compile, as_it_is
from .denoiser import Bind, Pairs
from .errors import Problem, SceneError, at_work
from .options import Options
from .progress import Progress
from .record import Record, nearest
from .recorder import Shelf, record_of, recorded, run_key
from .run import Plan, Run, load_data, misfits, plan

if TYPE_CHECKING:
    from .dataset import Data, Dataset
    from .probe import State
    from .registry import Registry
    from .scene import RunSpec, Scene, StartAt
    from .timeline import Tick

__all__ = ["live_runs", "load_all", "plans_of", "shown_visits", "simulate", "taken", "tell", "train"]


def plans_of(scene: Scene) -> dict[str, Plan]:
    """The times that every run visits; a run that starts from another's state begins at that state's time.

    Raises:
        PluginError: A sampler gives times that do not exist.
        SceneError: A sampler cannot go the ways it is to go, or a run is to start from clean data where data is noisy.
    """
    plans: dict[str, Plan] = {}
    for spec in scene.run_order:
        origin = spec.source_run
        plans[spec.name] = plan(spec, scene.source, None if origin is None else _time_of(origin, plans))
        begins = plans[spec.name].first.t
        if spec.start == "data" and begins != 0:
            said = f"the run begins at t = {begins:g}, where data is noisy: use 'start: marginal', not 'start: data'"
            raise SceneError([scene.source.problem(f"runs.{spec.name}.start", said)])
        if spec.start is None and begins != 0 and any("data" in sampler.needs for sampler in spec.sampler):
            said = f"needs clean samples, but the run begins in noise, at t = {begins:g}: use 'start: marginal'"
            raise SceneError([scene.source.problem(f"runs.{spec.name}.sampler", said)])
        if spec.pairs is not None and not _from_noise_to_data(plans[spec.pairs], scene.runs[spec.pairs]):
            said = f"run '{spec.pairs}' must go from pure noise at t = T to t = 0 to give pairs of noise and data"
            raise SceneError([scene.source.problem(f"runs.{spec.name}.pairs", said)])
    return plans


def _from_noise_to_data(plan: Plan, spec: RunSpec) -> bool:
    ends = plan.first.t == spec.schedule.T and plan.last.t == 0
    return ends and spec.start in (None, "prior") and spec.training is None


def _time_of(origin: StartAt, plans: Mapping[str, Plan]) -> float:
    plan = plans[origin.run]
    return plan.levels[nearest(plan.times, origin.at)].t


def shown_visits(scene: Scene, plans: Mapping[str, Plan], ticks: Sequence[Tick]) -> dict[str, list[int]]:
    """Every visit that the film or a panel of its own time shows, by run, and those that other runs start from."""
    shown = {name: {tick.steps[name] for tick in ticks} for name in plans}
    for panel in scene.panels:
        if panel.at is not None:
            shown[panel.run].add(nearest(plans[panel.run].times, panel.at))
    for spec in scene.runs.values():
        if spec.pairs is not None:
            shown[spec.pairs] |= {0, len(plans[spec.pairs].levels) - 1}
        if (origin := spec.source_run) is not None:
            shown[origin.run].add(nearest(plans[origin.run].times, origin.at))
    return {name: sorted(steps) for name, steps in shown.items()}


def load_all(scene: Scene, registry: Registry) -> dict[str, Data]:
    """The data of every run, on the CPU; runs with the same data set and seed share it.

    Raises:
        SceneError: Data cannot be read or used, or a denoiser does not fit them.
    """
    loaded: dict[tuple[Dataset, int], Data] = {}
    for spec in scene.runs.values():
        if (spec.dataset, spec.seed) not in loaded:
            loaded[spec.dataset, spec.seed] = load_data(spec, scene.source)
    data = {name: loaded[spec.dataset, spec.seed] for name, spec in scene.runs.items()}
    wrong: list[Problem] = []
    for name, spec in scene.runs.items():
        nothing_yet = data[name].x0[:0]
        bind = Bind(
            data[name],
            spec.schedule,
            torch.device("cpu"),
            Path(),
            **_of_scene(scene, spec),
            pairs=None if spec.pairs is None else Pairs(nothing_yet, nothing_yet),
            registry=registry,
        )
        wrong += misfits(spec, bind, scene.source)
    if wrong:
        raise SceneError(wrong)
    return data


def _of_scene(scene: Scene, spec: RunSpec) -> dict[str, Any]:
    """What a denoiser may know of the scene."""
    return {"folder": scene.source.folder, "scene": scene.source.given, "seed": spec.seed}


def simulate(
    scene: Scene,
    plans: Mapping[str, Plan],
    shown: Mapping[str, Sequence[int]],
    options: Options,
    shelf: Shelf,
    registry: Registry,
    progress: Progress,
    data: Mapping[str, Data] | None = None,
    compiler: Compile = as_it_is,
) -> tuple[dict[str, Record], bool]:
    """The record of every run, and whether all were kept from before.

    Args:
        scene: The scene.
        plans: The times that its runs visit.
        shown: The visits that the film shows.
        options: Where to simulate, and whether records must lie on disk for other processes.
        shelf: Where records lie.
        registry: Whose observers are told.
        progress: Shows how far things are.
        data: Each run's data, if it is loaded already.
        compiler: See `Bind`.
    """
    records: dict[str, Record] = {}
    keys: dict[str, str] = {}
    kept: list[bool] = []
    with progress.bar("simulating", sum(len(each.levels) for each in plans.values())) as advance:
        live = live_runs(
            scene,
            plans,
            options,
            records,
            keys,
            data,
            registry=registry,
            progress=progress,
            scratch=shelf.scratch,
            compiler=compiler,
        )
        for run, source_key in live:
            name = run.spec.name
            keys[name] = run_key(run, shown[name], scene.source.folder, source_key)
            records[name], was_kept = taken(run, keys[name], shown[name], options, shelf, registry, progress, advance)
            kept.append(was_kept)
    return {name: records[name] for name in scene.runs}, all(kept)


def taken(
    run: Run,
    key: str,
    shown: Sequence[int],
    options: Options,
    shelf: Shelf,
    registry: Registry,
    progress: Progress,
    advance: Callable[[int], None],
) -> tuple[Record, bool]:
    """A run's record, from the shelf or simulated now, and whether it was kept from before.

    Args:
        run: The run.
        key: What its record is known by.
        shown: The visits that the film shows.
        options: As for `simulate`.
        shelf: Where records lie.
        registry: Whose observers are told.
        progress: Takes warnings.
        advance: Counts visits.
    """
    found = shelf.find(key)
    tell(registry, "run_started", run=run, cached=found is not None)
    if found is None:
        watch, apart = _watcher(registry, run, advance), options.workers > 1
        record = record_of(run, key, shown, shelf, watch, on_disk=apart, warn=progress.warn)
    else:
        record = recorded(run, found, shown, shelf.folder(key))
        advance(len(run.plan.levels))
    tell(registry, "run_finished", run=run, record=record)
    return record, found is not None


def train(
    scene: Scene, options: Options, shelf: Shelf, registry: Registry, progress: Progress
) -> Iterator[tuple[str, Path]]:
    """Train the denoisers of a scene that are not trained yet; gives each run that has weights, and their file.

    Nothing is simulated but runs whose ends others learn from.
    """
    plans = plans_of(scene)
    shown = shown_visits(scene, plans, ())
    needed = {name for spec in scene.runs.values() for name in spec.sources}
    records: dict[str, Record] = {}
    keys: dict[str, str] = {}
    live = live_runs(scene, plans, options, records, keys, registry=registry, progress=progress, scratch=shelf.scratch)
    for run, source_key in live:
        name = run.spec.name
        if run.spec.denoiser is not None:
            with at_work(f"denoiser {type(run.spec.denoiser).__name__}"):
                file = run.spec.denoiser.weights_file(run.bind)
            if file is not None:
                yield name, file
        if name in needed:
            keys[name] = run_key(run, shown[name], scene.source.folder, source_key)
            with progress.bar("simulating", len(run.plan.levels)) as advance:
                records[name], _ = taken(run, keys[name], shown[name], options, shelf, registry, progress, advance)


def live_runs(
    scene: Scene,
    plans: Mapping[str, Plan],
    options: Options,
    records: Mapping[str, Record],
    keys: Mapping[str, str],
    data: Mapping[str, Data] | None = None,
    *,
    registry: Registry,
    progress: Progress | None = None,
    scratch: Path | None = None,
    compiler: Compile = as_it_is,
) -> Iterator[tuple[Run, str | None]]:
    """Every run bound to its data, after those that it builds on; and what their records are known by.

    Args:
        scene: The scene.
        plans: The times that its runs visit.
        options: Where to simulate, and where things are kept.
        records: The records of the runs given so far; each is there when the next run is asked for.
        keys: What these are known by.
        data: Each run's data, if it is loaded already.
        registry: Where plugins are found.
        progress: Shows how far the training of denoisers is.
        scratch: Where denoisers keep things if nothing is to outlive the program.
        compiler: See `Bind`.
    """
    loaded = data or load_all(scene, registry)
    on_device = {id(each): each.to(options.device) for each in loaded.values()}
    for spec in scene.run_order:
        origin = spec.source_run
        bind = Bind(
            on_device[id(loaded[spec.name])],
            spec.schedule,
            options.device,
            (options.cache or scratch or Path(tempfile.gettempdir())) / "denoisers",
            options.cache is not None,
            **_of_scene(scene, spec),
            pairs=None if spec.pairs is None else _pairs(records[spec.pairs]),
            resume=options.resume,
            progress=progress or Progress(quiet=True),
            registry=registry,
            compile=compiler,
        )
        run = Run(spec, plans[spec.name], bind, None if origin is None else records[origin.run])
        yield run, "+".join(filter(None, map(keys.get, spec.sources))) or None


def _pairs(record: Record) -> Pairs:
    """What a run ended in, with the noise that it began with."""
    first, last = record.series("x", 0), record.series("x", len(record) - 1)
    assert first is not None and last is not None, "both ends of every record are kept"
    return Pairs(torch.tensor(last), torch.tensor(first) / record.schedule.prior_std())


def _watcher(registry: Registry, run: Run, advance: Callable[[int], None]) -> Callable[[State], None]:
    """Counts states, and hands them to observers if anybody listens."""
    if not registry.listens("timestep"):
        return lambda state: advance(1)

    def watch(state: State) -> None:
        tell(registry, "timestep", run=run, state=state)
        advance(1)

    return watch


def tell(registry: Registry, hook: str, **facts: Any) -> None:
    """Call an observers' hook.

    Raises:
        PluginError: An observer raised.
    """
    with at_work(f"an observer ({hook})"):
        getattr(registry.hooks, hook)(**facts)
