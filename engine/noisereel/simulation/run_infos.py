"""Run information of a scene's runs, and the checks that need nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..contracts.calls import call, strings
from ..contracts.run_info import RunInfo
from ..support.errors import SceneError
from .data import denoiser_contexts
from .plan import particle_count, start_of

if TYPE_CHECKING:
    from ..contracts.dataset import Data
    from ..registry import Registry
    from ..scene import SceneSpec
    from .plan import RunPlan

__all__ = ["check_metrics", "run_infos"]


def run_infos(
    scene: SceneSpec, plans: Mapping[str, RunPlan], data: Mapping[str, Data], registry: Registry
) -> dict[str, RunInfo]:
    """Return the information on every run by name.

    Args:
        scene: The scene.
        plans: The plan of each run.
        data: The data of each run.
        registry: Registry of plugins.
    """
    contexts = denoiser_contexts(scene, data, registry)
    infos: dict[str, RunInfo] = {}
    for spec in scene.run_order:
        name, start = spec.name, start_of(spec, plans[spec.name])
        predecessor = None if spec.start_run is None else infos[spec.start_run.run]
        infos[name] = RunInfo(
            name=name,
            data=data[name],
            levels=plans[name].levels,
            particles=particle_count(
                spec, start, len(data[name].x0), None if predecessor is None else predecessor.particles
            ),
            from_data=start != "prior" if predecessor is None else predecessor.from_data,
            denoiser=spec.denoiser,
            has_estimates=any("denoiser" in sampler.needs for sampler in spec.sampler),
            value_names=(
                *(name for metric in spec.metrics for name in metric.gives),
                *(("trained",) if spec.training else ()),
            ),
            aux_names=frozenset.intersection(*(frozenset(strings(sampler, "aux_names")) for sampler in spec.sampler)),
            runs=infos,
            context=contexts[name],
        )
    return infos


def check_metrics(scene: SceneSpec, infos: Mapping[str, RunInfo]) -> None:
    """Refuse metrics that cannot be measured on their run.

    Raises:
        SceneError: Some cannot.
    """
    problems = [
        scene.document.problem(f"runs.{name}.metrics", reason)
        for name, spec in scene.runs.items()
        for metric in spec.metrics
        if (reason := call(metric, "check", infos[name], returns=(str, type(None))))
    ]
    if problems:
        raise SceneError(problems)
