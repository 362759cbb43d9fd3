"""Run plans: the times that a run visits, known before anything is simulated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from ..contracts.calls import call
from ..contracts.schedule import Level, level_error
from ..contracts.trajectory import nearest
from ..support.errors import PluginError, SceneError, UsageError, plugin_errors

if TYPE_CHECKING:
    from ..contracts.sampler import Sampler
    from ..contracts.schedule import Schedule
    from ..scene import RunSpec, SceneDocument, SceneSpec, StartAt

__all__ = ["RunPlan", "Transition", "particle_count", "plan_acts", "plan_run", "plan_runs", "start_of"]

_DEFAULT_PARTICLES = 1000

Transition = tuple[Level, Level, int]
"""One step: the level left, the level reached, and how often the act took this step before."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """The times a run visits.

    Attributes:
        levels: Level of every visit, one more than there are steps.
        acts: Act that leaves from each visit; the last visit belongs to the last act.
        transitions: The steps of each act.
        training: Training steps at each visit, if the run shows its denoiser in training: all visits then have the
            same level, and each goes through all of ``transitions``.
    """

    levels: tuple[Level, ...]
    acts: tuple[int, ...]
    transitions: tuple[tuple[Transition, ...], ...]
    training: tuple[int, ...] | None = None

    @property
    def times(self) -> tuple[float, ...]:
        """Position of each visit on the run's own axis: t, or training steps."""
        return tuple(level.t for level in self.levels) if self.training is None else self.training

    @property
    def first(self) -> Level:
        """Level at which particles begin."""
        return next((t for act in self.transitions for t, *_ in act), self.levels[0])

    @property
    def last(self) -> Level:
        """Level at which they end."""
        return next((s for act in reversed(self.transitions) for _, s, _ in reversed(act)), self.levels[-1])


def plan_runs(scene: SceneSpec) -> dict[str, RunPlan]:
    """Plan every run; a run that starts from another's state begins at that state's time.

    Raises:
        PluginError: A sampler gives times that do not exist.
        SceneError: A sampler cannot take its path, or a run would start from clean data where data is noisy.
    """
    plans: dict[str, RunPlan] = {}
    for spec in scene.run_order:
        start = spec.start_run
        plans[spec.name] = plan_run(spec, scene.document, None if start is None else _time_of(start, plans))
        begin = plans[spec.name].first.t
        if spec.start == "data" and begin != 0:
            message = f"the run begins at t = {begin:g}, where data is noisy: use 'start: marginal', not 'start: data'"
            raise SceneError([scene.document.problem(f"runs.{spec.name}.start", message)])
        if spec.start is None and begin != 0 and any("data" in sampler.needs for sampler in spec.sampler):
            message = f"needs clean samples, but the run begins in noise, at t = {begin:g}: use 'start: marginal'"
            raise SceneError([scene.document.problem(f"runs.{spec.name}.sampler", message)])
        if spec.pairs is not None and not _from_noise_to_data(plans[spec.pairs], scene.runs[spec.pairs]):
            message = f"run '{spec.pairs}' must go from pure noise at t = T to t = 0 to give pairs of noise and data"
            raise SceneError([scene.document.problem(f"runs.{spec.name}.pairs", message)])
    return plans


def _from_noise_to_data(plan: RunPlan, spec: RunSpec) -> bool:
    ends = plan.first.t == spec.schedule.T and plan.last.t == 0
    return ends and spec.start in (None, "prior") and spec.training is None


def _time_of(start: StartAt, plans: Mapping[str, RunPlan]) -> float:
    plan = plans[start.run]
    return plan.levels[nearest(plan.times, start.at)].t


def plan_run(spec: RunSpec, document: SceneDocument, start: float | None = None) -> RunPlan:
    """Plan the times that a run's samplers visit, act after act; each begins where the last one ended.

    Args:
        spec: The run.
        document: The document it was read from.
        start: Time of the state it starts from, if it starts from another run's.

    Raises:
        SceneError: A sampler cannot take its path; the message gives the place in the scene.
        PluginError: A sampler gives times that do not exist.
    """
    try:
        plan = plan_acts(spec.sampler, spec.schedule, start, who=f"run '{spec.name}': ")
    except UsageError as error:
        raise SceneError([document.problem(f"runs.{spec.name}.sampler", str(error))]) from error
    return plan if spec.training is None else _over_training(plan, spec)


def plan_acts(samplers: Sequence[Sampler], schedule: Schedule, start: float | None = None, *, who: str = "") -> RunPlan:
    """Plan the times that samplers visit, one after another; each begins where the last one ended.

    Args:
        samplers: The samplers, one per act.
        schedule: Their schedule.
        start: Time to begin at; None for the first sampler's own.
        who: Beginning of error messages.

    Raises:
        UsageError: A sampler cannot take its path; the message gives the reason.
        PluginError: A sampler gives times that do not exist.
    """
    known: dict[float, Level] = {}
    levels: list[Level] = []
    acts: list[int] = []
    transitions = []
    for act, sampler in enumerate(samplers):
        path = _checked_path(sampler, schedule, start, f"{who}sampler {type(sampler).__name__} (path)")
        for t in path:
            if t not in known:
                known[t] = call(schedule, "at", t, returns=Level)
            if reason := level_error(known[t], schedule.T):
                raise UsageError(f"it visits a level that is too extreme: {reason}")
        transitions.append(tuple((known[t], known[s], before) for t, s, before in _transitions(path)))
        levels += [known[t] for t in path[:-1]]
        acts += [act] * (len(path) - 1)
        start = path[-1]
    return RunPlan((*levels, known[path[-1]]), (*acts, act), tuple(transitions))


def _over_training(plan: RunPlan, spec: RunSpec) -> RunPlan:
    """Return the visits of a run that shows its denoiser in training."""
    assert spec.training is not None, "the caller checked"
    assert spec.denoiser is not None and spec.denoiser.training_steps is not None, "the scene was checked for it"
    steps = spec.training.steps(spec.denoiser.training_steps)
    at = spec.training.at
    level = min(plan.levels, key=lambda level: abs(level.t - at))
    return RunPlan((level,) * len(steps), (0,) * len(steps), plan.transitions, steps)


def start_of(spec: RunSpec, plan: RunPlan) -> str:
    """Return the initial state of a run's particles: "data", "prior", "marginal" or "run"."""
    if spec.start_run is not None:
        return "run"
    return spec.start if isinstance(spec.start, str) else ("data" if plan.first.t == 0 else "prior")


def particle_count(spec: RunSpec, start: str, samples: int, predecessor: int | None) -> int:
    """Return a run's number of particles: the scene's, else the number of samples or particles it starts from.

    Args:
        spec: The run.
        start: Its initial state, see `start_of`.
        samples: Number of samples in its data.
        predecessor: Number of particles of the run that it starts from, if it does.
    """
    if predecessor is not None:
        return spec.particles or predecessor
    return spec.particles or (min(samples, _DEFAULT_PARTICLES) if start == "prior" else samples)


def _transitions(path: Sequence[float]) -> Iterator[tuple[float, float, int]]:
    """Yield consecutive times, and how often they followed one another before."""
    passes = Counter[tuple[float, float]]()
    for t, s in pairwise(path):
        yield t, s, passes[t, s]
        passes[t, s] += 1


def _checked_path(sampler: Sampler, schedule: Schedule, start: float | None, who: str) -> tuple[float, ...]:
    with plugin_errors(who):
        try:
            path = tuple(map(float, sampler.path(schedule, start)))
        except ValueError as error:
            raise UsageError(str(error)) from error
    if not path:
        raise PluginError(f"{who}: gave no times")
    if start is not None and path[0] != start:
        raise PluginError(f"{who}: begins at t = {path[0]:g}, but the particles are at t = {start:g}")
    outside = [t for t in path if not 0 <= t <= schedule.T]
    if outside:
        raise PluginError(f"{who}: visits t = {outside[0]:g}, outside [0, {schedule.T:g}]")
    return path
