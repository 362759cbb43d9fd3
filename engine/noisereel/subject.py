"""Subjects: what is known of runs before anything is simulated, for layers to say what they cannot show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from .dataset import Data
from .denoiser import Bind
from .errors import SceneError
from .run import starts_from, trajectories

if TYPE_CHECKING:
    from .denoiser import Denoiser
    from .registry import Registry
    from .run import Plan
    from .scene import Scene
    from .schedule import Level

__all__ = ["Subject", "check_metrics", "subjects_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A run before it is simulated.

    Attributes:
        name: The run's name.
        data: Its data, on the CPU.
        levels: Level of every visit.
        particles: How many trajectories.
        from_data: Whether each particle belongs to a sample of the data.
        denoiser: Its denoiser, where it has one.
        denoised: Whether its samplers ask a denoiser, so that there are estimates x̂_0 and ε̂.
        numbers: Names of the numbers that its metrics give, and ``trained`` where it is shown as its denoiser learns.
        extras: Names of what each of its samplers records beside particles, estimates and noise.
        beside: All runs of the scene by name, this one among them.
        bind: What other denoisers than its own would be bound to; None outside a scene.
    """

    name: str
    data: Data
    levels: Sequence[Level]
    particles: int
    from_data: bool = True
    denoiser: Denoiser | None = None
    denoised: bool = False
    numbers: Sequence[str] = ()
    extras: frozenset[str] = frozenset()
    beside: Mapping[str, Subject] = field(default_factory=dict, repr=False)
    bind: Bind | None = None

    @property
    def event(self) -> tuple[int, ...]:
        """Shape of one particle."""
        return self.data.event


def subjects_of(
    scene: Scene, plans: Mapping[str, Plan], data: Mapping[str, Data], registry: Registry
) -> dict[str, Subject]:
    """Every run of a scene, by name, in the scene's order.

    Args:
        scene: The scene.
        plans: The times that its runs visit.
        data: Each run's data.
        registry: Where plugins are found.
    """
    folder, cpu = scene.source.folder, torch.device("cpu")
    found: dict[str, Subject] = {}
    for spec in scene.run_order:
        name, origin = spec.name, spec.source_run
        start = starts_from(spec, plans[name])
        source = None if origin is None else found[origin.run]
        found[name] = Subject(
            name,
            data[name],
            plans[name].levels,
            trajectories(spec, start, len(data[name].x0), None if source is None else source.particles),
            start != "prior" if source is None else source.from_data,
            spec.denoiser,
            any("denoiser" in sampler.needs for sampler in spec.sampler),
            (*(name for metric in spec.metrics for name in metric.gives), *(("trained",) if spec.training else ())),
            frozenset.intersection(*(frozenset(sampler.extras) for sampler in spec.sampler)),
            found,
            Bind(data[name], spec.schedule, cpu, Path(), folder=folder, seed=spec.seed, registry=registry),
        )
    return found


def check_metrics(scene: Scene, subjects: Mapping[str, Subject]) -> None:
    """Refuse metrics that cannot be measured on their run.

    Raises:
        SceneError: Some cannot.
    """
    wrong = [
        scene.source.problem(f"runs.{name}.metrics", said)
        for name, spec in scene.runs.items()
        for metric in spec.metrics
        if (said := metric.check(subjects[name]))
    ]
    if wrong:
        raise SceneError(wrong)
