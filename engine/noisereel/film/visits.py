"""The visits of each run that a film shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..contracts.trajectory import nearest

if TYPE_CHECKING:
    from ..scene import SceneSpec
    from ..simulation.plan import RunPlan
    from .timeline import FrameSpec

__all__ = ["shown_visits"]


def shown_visits(
    scene: SceneSpec, plans: Mapping[str, RunPlan], frames: Sequence[FrameSpec] = ()
) -> dict[str, list[int]]:
    """Return the visits that frames, panels with a fixed time and dependent runs need, by run, ascending.

    Args:
        scene: The scene.
        plans: The plan of each run.
        frames: The film's frames.
    """
    shown = {name: {frame.indices[name] for frame in frames} for name in plans}
    for panel in scene.panels:
        if panel.at is not None:
            shown[panel.run].add(nearest(plans[panel.run].times, panel.at))
    for spec in scene.runs.values():
        if spec.pairs is not None:
            shown[spec.pairs] |= {0, len(plans[spec.pairs].levels) - 1}
        if (start := spec.start_run) is not None:
            shown[start.run].add(nearest(plans[start.run].times, start.at))
    return {name: sorted(visits) for name, visits in shown.items()}
