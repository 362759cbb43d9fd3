"""Helpers to simulate scenes in tests, without a film."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from noisereel.film.composition import run_views
from noisereel.film.plan import film_frames
from noisereel.film.visits import shown_visits
from noisereel.simulation.data import load_all
from noisereel.simulation.plan import plan_runs
from noisereel.simulation.simulate import SimulationContext, bound_runs, simulate
from noisereel.simulation.store import TrajectoryStore

if TYPE_CHECKING:
    from noisereel.contracts.renderer import RunView
    from noisereel.registry import Registry
    from noisereel.scene import SceneSpec
    from noisereel.simulation.run import Run

CPU = torch.device("cpu")


def context(registry: Registry, scratch: Path, cache: Path | None = None, device: torch.device = CPU):
    """Return a context that simulates in memory, or keeps runs and weights in a cache."""
    return SimulationContext(registry, TrajectoryStore(cache, scratch), device)


def simulated(
    scene: SceneSpec, ctx: SimulationContext, shown: Mapping[str, Sequence[int]] | None = None
) -> dict[str, RunView]:
    """Simulate a scene; return its runs as layers see them, with the film's visits shown, or these visits."""
    plans = plan_runs(scene)
    shown = shown or shown_visits(scene, plans, film_frames(scene, plans))
    return run_views(scene, simulate(scene, plans, load_all(scene, ctx.registry), shown, ctx), shown)


def every_visit(scene: SceneSpec) -> dict[str, range]:
    """Return all visits of every run, as if the film showed them."""
    return {name: range(len(plan.levels)) for name, plan in plan_runs(scene).items()}


def bound(scene: SceneSpec, registry: Registry, scratch: Path, cache: Path | None = None) -> Run:
    """Return the first run of a scene, ready to be simulated."""
    plans = plan_runs(scene)
    return next(bound_runs(scene, plans, load_all(scene, registry), {}, context(registry, scratch, cache)))
