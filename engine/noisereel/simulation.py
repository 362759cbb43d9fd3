"""From a scene to the records of its runs, each simulated once or taken from the cache."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import NoisereelError, SceneError, at_work
from .memory import require_room
from .options import Options
from .record import Record, nearest
from .recorder import Shelf, record_of, recorded, run_key
from .run import Plan, Run, check_fit, load_data, plan

if TYPE_CHECKING:
    from .dataset import Data, Dataset
    from .probe import State
    from .progress import Progress
    from .registry import Registry
    from .scene import Scene, StartAt
    from .timeline import Tick

__all__ = ["live_runs", "load_all", "plans_of", "shown_visits", "simulate", "tell"]


def plans_of(scene: Scene) -> dict[str, Plan]:
    """The times that every run visits; a run that starts from another's state begins at that state's time.

    Raises:
        PluginError: A sampler gives times that do not exist.
        SceneError: A run is to start from clean data where data is noisy.
    """
    plans: dict[str, Plan] = {}
    for spec in scene.run_order:
        origin = spec.source_run
        plans[spec.name] = plan(spec, None if origin is None else _time_of(origin, plans))
        begins = plans[spec.name].levels[0].t
        if spec.start == "data" and begins != 0:
            said = f"the run begins at t = {begins:g}, where data is noisy: use 'start: marginal', not 'start: data'"
            raise SceneError([scene.source.problem(f"runs.{spec.name}.start", said)])
    return plans


def _time_of(origin: StartAt, plans: Mapping[str, Plan]) -> float:
    levels = plans[origin.run].levels
    return levels[nearest(levels, origin.at)].t


def shown_visits(scene: Scene, plans: Mapping[str, Plan], ticks: Sequence[Tick]) -> dict[str, list[int]]:
    """Every visit that the film or a panel of its own time shows, by run, and those that other runs start from."""
    shown = {name: {tick.steps[name] for tick in ticks} for name in plans}
    for panel in scene.panels:
        if panel.at is not None:
            shown[panel.run].add(nearest(plans[panel.run].levels, panel.at))
    for spec in scene.runs.values():
        if (origin := spec.source_run) is not None:
            shown[origin.run].add(nearest(plans[origin.run].levels, origin.at))
    return {name: sorted(steps) for name, steps in shown.items()}


def load_all(scene: Scene) -> dict[str, Data]:
    """The data of every run, on the CPU; runs with the same data set and seed share it.

    Raises:
        SceneError: Data cannot be read or used, or a denoiser or metric does not fit them.
    """
    loaded: dict[tuple[Dataset, int], Data] = {}
    for spec in scene.runs.values():
        if (spec.dataset, spec.seed) not in loaded:
            loaded[spec.dataset, spec.seed] = load_data(spec, scene.source)
    data = {name: loaded[spec.dataset, spec.seed] for name, spec in scene.runs.items()}
    for name, spec in scene.runs.items():
        check_fit(spec, data[name], scene.source)
    return data


def simulate(
    scene: Scene,
    plans: Mapping[str, Plan],
    shown: Mapping[str, Sequence[int]],
    options: Options,
    shelf: Shelf,
    registry: Registry,
    progress: Progress,
    data: Mapping[str, Data] | None = None,
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
    """
    records: dict[str, Record] = {}
    keys: dict[str, str] = {}
    kept: list[bool] = []
    with progress.bar("simulating", sum(len(each.levels) for each in plans.values())) as advance:
        for run, source_key in live_runs(scene, plans, options, records, keys, data):
            name = run.spec.name
            key = keys[name] = run_key(run, shown[name], scene.source.folder, source_key)
            found = shelf.find(key)
            kept.append(found is not None)
            tell(registry, "run_started", run=run, cached=found is not None)
            if found is None:
                _require_room(run)
                watch, apart = _watcher(registry, run, advance), options.workers > 1
                records[name] = record_of(run, key, shown[name], shelf, watch, on_disk=apart, warn=progress.warn)
            else:
                records[name] = recorded(run, found, shown[name], shelf.folder(key))
                advance(len(run.plan.levels))
            tell(registry, "run_finished", run=run, record=records[name])
    return {name: records[name] for name in scene.runs}, all(kept)


def _require_room(run: Run) -> None:
    """Refuse more particles than memory holds, before the system kills the program.

    Raises:
        NoisereelError: There is too little; says how much it takes.
    """
    try:
        require_room(f"particles of run '{run.spec.name}'", run.particles, _COPIES * 4 * math.prod(run.data.event))
    except ValueError as error:
        raise NoisereelError(str(error)) from error


_COPIES = 4  # of x at the least in one step: x before and after, the noise, and one in between


def live_runs(
    scene: Scene,
    plans: Mapping[str, Plan],
    options: Options,
    records: Mapping[str, Record],
    keys: Mapping[str, str],
    data: Mapping[str, Data] | None = None,
) -> Iterator[tuple[Run, str | None]]:
    """Every run bound to its data, in an order that lets it find the record it starts from; and that record's key."""
    loaded = data or load_all(scene)
    on_device = {id(each): each.to(options.device) for each in loaded.values()}
    for spec in scene.run_order:
        origin = spec.source_run
        run = Run(
            spec,
            on_device[id(loaded[spec.name])],
            plans[spec.name],
            options.device,
            (options.cache or Path(tempfile.gettempdir())) / "denoisers",
            None if origin is None else records[origin.run],
        )
        yield run, None if origin is None else keys.get(origin.run)


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
