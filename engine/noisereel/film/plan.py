"""Film plans: a scene's runs, frames and data, planned and checked once before anything is simulated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ..contracts.trajectory import nearest
from ..simulation.data import load_all
from ..simulation.run_infos import check_metrics, run_infos
from ..support.errors import Problem, SceneError
from .panels import check_panels
from .timeline import FrameSpec, TimelineError, timeline

if TYPE_CHECKING:
    from ..contracts.dataset import Data
    from ..registry import Registry
    from ..scene import SceneSpec
    from ..simulation.plan import RunPlan

__all__ = ["FilmPlan", "FrameSelector", "film_frames", "named_visits", "plan_film", "whole_film"]

FrameSelector = Callable[[Mapping[str, "RunPlan"], Mapping[str, Sequence[int]] | None], tuple[FrameSpec, ...]]
"""Function that chooses the frames from the runs' plans, and from each run's denoiser calls once these are known."""


@dataclass(frozen=True, slots=True, eq=False)
class FilmPlan:
    """A scene, planned and checked.

    Attributes:
        scene: The scene.
        runs: The plan of each run.
        data: The data of each run, on the CPU.
        frames: The frames to draw.
        select: Chooses the frames; called again when denoiser calls are known, for films aligned by them.
        warnings: What data sets warned of while they loaded.
    """

    scene: SceneSpec
    runs: Mapping[str, RunPlan]
    data: Mapping[str, Data]
    frames: tuple[FrameSpec, ...]
    select: FrameSelector
    warnings: tuple[Problem, ...] = ()


def plan_film(
    scene: SceneSpec,
    runs: Mapping[str, RunPlan],
    registry: Registry,
    select: FrameSelector | None = None,
    *,
    check_frames: Callable[[Sequence[FrameSpec]], None] = lambda frames: None,
) -> FilmPlan:
    """Choose the frames, load the data, and check everything that can be checked without simulating.

    Args:
        scene: The scene.
        runs: The plan of each run.
        registry: Registry of plugins.
        select: Chooses the frames; the whole film's if None.
        check_frames: Raises an error if the outputs cannot hold the frames; called before data are loaded.

    Raises:
        NoisereelError: Something is wrong; the message gives the place.
    """
    select = select or whole_film(scene)
    frames = select(runs, None)
    check_frames(frames)
    warnings: list[Problem] = []
    data = load_all(scene, registry, warnings.append)
    infos = run_infos(scene, runs, data, registry)
    check_metrics(scene, infos)
    check_panels(scene, infos, registry)
    return FilmPlan(scene, runs, data, frames, select, tuple(warnings))


def whole_film(scene: SceneSpec) -> FrameSelector:
    """Return a selector of the frames that the scene's film settings describe."""
    return partial(film_frames, scene)


def film_frames(
    scene: SceneSpec, plans: Mapping[str, RunPlan], calls: Mapping[str, Sequence[int]] | None = None
) -> tuple[FrameSpec, ...]:
    """Return the frames of the scene's film; until calls are known, ``align: calls`` is treated as progress.

    Raises:
        SceneError: Its runs cannot be aligned as the film settings say.
    """
    film = scene.film
    if film.align == "calls" and calls is None:
        film = film.model_copy(update={"align": "progress"})
    paths = {name: plan.levels for name, plan in plans.items()}
    training = {name: plan.training for name, plan in plans.items() if plan.training is not None}
    try:
        return timeline(paths, film, calls=calls, training=training)
    except TimelineError as error:
        raise SceneError([scene.document.problem(f"film.{error.field}", str(error))]) from error


def named_visits(
    scene: SceneSpec, times: Mapping[str, Sequence[float]], frames: Sequence[FrameSpec]
) -> list[tuple[int, float]]:
    """Return the visit and time of each frame that file names can contain: those of the first panel.

    Args:
        scene: The scene.
        times: The times of each run's visits.
        frames: The frames.
    """
    panel = scene.panels[0]
    run_times = times[panel.run]
    indices = [frame.indices[panel.run] if panel.at is None else nearest(run_times, panel.at) for frame in frames]
    return [(index, run_times[index]) for index in indices]
