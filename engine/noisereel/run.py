"""A scene's run made live, and the timestep loop: the only place that iterates the times of a diffusion."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .dataset import Data, Load
from .denoiser import Bind, Denoiser, Model, Snapshot
from .errors import PluginError, Problem, SceneError, at_work
from .memory import require_room
from .noise import LoadDraw, Noise
from .probe import Measure, State
from .sampler import Sampler, Step, StepContext

if TYPE_CHECKING:
    from .record import Record
    from .scene import RunSpec, Source, Watched
    from .schedule import Level

__all__ = ["Plan", "Run", "load_data", "misfits", "plan", "starts_from", "trajectories"]

_DEFAULT_PARTICLES = 1000
_COPIES = 4  # of x at the least in one step: x before and after, the noise, and one in between
_START = -1  # the "act" that draws of the starting state are keyed by


@dataclass(frozen=True, slots=True)
class Plan:
    """The times a run visits, before anything is simulated.

    Attributes:
        levels: Level of every visit, one more than there are steps.
        acts: Act that leaves from each visit; the last visit belongs to the last act.
        joints: The steps of each act: the level left, the level reached, and how often the act took it before.
        training: Training steps at each visit, where a run is shown as its denoiser learns: all visits are then of one
            level, which the whole of ``joints`` is gone through for.
    """

    levels: tuple[Level, ...]
    acts: tuple[int, ...]
    joints: tuple[tuple[tuple[Level, Level, int], ...], ...]
    training: tuple[int, ...] | None = None

    @property
    def times(self) -> tuple[float, ...]:
        """Where on its own axis each visit lies: t, or training steps."""
        return tuple(level.t for level in self.levels) if self.training is None else self.training

    @property
    def first(self) -> Level:
        """Where particles begin."""
        return next((t for joints in self.joints for t, *_ in joints), self.levels[0])

    @property
    def last(self) -> Level:
        """Where they end."""
        return next((s for joints in reversed(self.joints) for _, s, _ in reversed(joints)), self.levels[-1])


def plan(spec: RunSpec, source: Source, start: float | None = None) -> Plan:
    """The times that a run's samplers visit, act after act; each begins where the last ended.

    Args:
        spec: The run.
        source: What it was read from.
        start: Time of the state it starts from, if it starts from another run's.

    Raises:
        SceneError: A sampler cannot go these ways; says where in the scene.
        PluginError: A sampler gives times that do not exist.
    """
    known: dict[float, Level] = {}
    levels: list[Level] = []
    acts: list[int] = []
    joints = []
    for act, sampler in enumerate(spec.sampler):
        path = _checked_path(sampler, spec, source, start)
        for t in path:
            if t not in known:
                known[t] = spec.schedule.at(t)
        joints.append(tuple((known[t], known[s], before) for t, s, before in _joints(path)))
        levels += [known[t] for t in path[:-1]]
        acts += [act] * (len(path) - 1)
        start = path[-1]
    whole = Plan((*levels, known[path[-1]]), (*acts, act), tuple(joints))
    return whole if spec.training is None else _over_training(whole, spec.training, spec.denoiser)


def _over_training(whole: Plan, watched: Watched, denoiser: Denoiser | None) -> Plan:
    """The visits of a run that is shown as its denoiser learns."""
    assert denoiser is not None and denoiser.training_steps is not None, "the scene was checked for it"
    steps = watched.steps(denoiser.training_steps)
    at = min(whole.levels, key=lambda level: abs(level.t - watched.at))
    return Plan((at,) * len(steps), (0,) * len(steps), whole.joints, steps)


def starts_from(spec: RunSpec, plan: Plan) -> str:
    """What a run's particles are at first: "data", "prior", "marginal" or "run"."""
    if spec.source_run is not None:
        return "run"
    return spec.start if isinstance(spec.start, str) else ("data" if plan.first.t == 0 else "prior")


def trajectories(spec: RunSpec, start: str, samples: int, source: int | None) -> int:
    """How many particles a run has: as many as it says, else as there are where they come from.

    Args:
        spec: The run.
        start: As `starts_from` says.
        samples: How many samples its data have.
        source: How many particles the run has that it starts from, if it does.
    """
    if source is not None:
        return spec.particles or source
    return spec.particles or (min(samples, _DEFAULT_PARTICLES) if start == "prior" else samples)


def _joints(path: Sequence[float]) -> Iterator[tuple[float, float, int]]:
    """Consecutive times, and how often they followed one another before."""
    passes = Counter[tuple[float, float]]()
    for t, s in pairwise(path):
        yield t, s, passes[t, s]
        passes[t, s] += 1


def _checked_path(sampler: Sampler, spec: RunSpec, source: Source, start: float | None) -> tuple[float, ...]:
    who = f"run '{spec.name}': sampler {type(sampler).__name__} (path)"
    with at_work(who):
        try:
            path = tuple(map(float, sampler.path(spec.schedule, start)))
        except ValueError as error:
            raise SceneError([source.problem(f"runs.{spec.name}.sampler", str(error))]) from error
    if not path:
        raise PluginError(f"{who}: gave no times")
    if start is not None and path[0] != start:
        raise PluginError(f"{who}: begins at t = {path[0]:g}, but the particles are at t = {start:g}")
    outside = [t for t in path if not 0 <= t <= spec.schedule.T]
    if outside:
        raise PluginError(f"{who}: visits t = {outside[0]:g}, outside [0, {spec.schedule.T:g}]")
    return path


def load_data(spec: RunSpec, source: Source) -> Data:
    """Load a run's data set, on the CPU.

    Raises:
        SceneError: The data cannot be read or used; says where in the scene.
        PluginError: The data set has a bug.
    """
    who = f"dataset {type(spec.dataset).__name__} (load)"
    with at_work(who):
        try:
            data = spec.dataset.load(Load(source.folder, LoadDraw(spec.seed)))
        except (OSError, ValueError) as error:
            raise SceneError([source.problem(f"runs.{spec.name}.dataset", _said(error))]) from error
    if not isinstance(data, Data):
        raise PluginError(f"{who}: must give noisereel.Data, not {type(data).__name__}")
    if len(data.x0) == 0:
        raise SceneError(
            [source.problem(f"runs.{spec.name}.dataset", "the data set is empty: it needs one sample at least")]
        )
    if not bool(torch.isfinite(data.x0).all()):
        raise SceneError([source.problem(f"runs.{spec.name}.dataset", "the data holds numbers that are not finite")])
    return data


def misfits(spec: RunSpec, bind: Bind, source: Source) -> Iterator[Problem]:
    """Where a run's denoiser or samplers cannot serve its data, or its particles do not fit into memory."""
    data = bind.data
    if spec.particles is not None:
        try:
            require_room("particles", spec.particles, _COPIES * 4 * math.prod(data.event))
        except ValueError as error:
            yield source.problem(f"runs.{spec.name}.particles", str(error))
    if spec.denoiser is not None and (said := spec.denoiser.check(bind)):
        yield source.problem(f"runs.{spec.name}.denoiser", said)
    for sampler in spec.sampler:
        if said := sampler.check(data):
            yield source.problem(f"runs.{spec.name}.sampler", said)


def _said(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


@dataclass(frozen=True)
class Run:
    """One run, bound to data, a device and its noise.

    Attributes:
        spec: What the scene says.
        plan: The times it visits.
        bind: Its data and device, and what else its denoiser may use.
        source: The record of the run that this one starts from, if it does.
        dtype: Of the particles.
    """

    spec: RunSpec
    plan: Plan
    bind: Bind
    source: Record | None = None
    dtype: torch.dtype = torch.float32

    @property
    def data(self) -> Data:
        """The run's data, on its device."""
        return self.bind.data

    @property
    def device(self) -> torch.device:
        """Where it is simulated."""
        return self.bind.device

    @cached_property
    def model(self) -> Model | None:
        """The run's denoiser, bound; None if it has none."""
        if self.spec.denoiser is None:
            return None
        with at_work(f"denoiser {type(self.spec.denoiser).__name__}"):
            return self.spec.denoiser.bind(self.bind)

    @cached_property
    def snapshots(self) -> Sequence[Snapshot]:
        """The denoiser at each visit, where the run is shown as it learns; else none."""
        if self.plan.training is None or self.spec.denoiser is None:
            return ()
        with at_work(f"denoiser {type(self.spec.denoiser).__name__}"):
            return self.spec.denoiser.over_training(self.bind, self.plan.training)

    def measure(self, step: int) -> Measure:
        """What probes may use at a visit; calls of the model made here are not counted."""
        model = self.snapshots[step].model if self.snapshots else self.model
        return Measure(model, self.data, self.spec.schedule, self.bind)

    @cached_property
    def rows(self) -> Tensor | None:
        """Row of the data that each particle comes from, shape (particles,); None unless started from data."""
        if self.source is not None:
            return None if self.source.origin is None else self._fitted(torch.as_tensor(self.source.origin))
        if self.start == "prior":
            return None
        n = len(self.data.x0)
        return torch.arange(self.spec.particles or n, device=self.device) % n

    @property
    def start(self) -> str:
        """What the particles are at first: "data", "prior", "marginal" or "run"."""
        return starts_from(self.spec, self.plan)

    @property
    def particles(self) -> int:
        """How many trajectories."""
        source = None if self.source is None else self.source.particles
        return trajectories(self.spec, self.start, len(self.data.x0), source)

    def states(self) -> Iterator[State]:
        """Every visited state in order.

        Raises:
            PluginError: A sampler gives particles of another shape.
        """
        if self.plan.training is None:
            yield from self._path(lambda: self.model)
            return
        level = self.plan.levels[0]
        for visit, snapshot in enumerate(self.snapshots):
            at = next(s for s in self._path(lambda model=snapshot.model: model) if s.level == level)  # type: ignore[misc]
            loss = torch.tensor(snapshot.loss)
            yield at._replace(step=visit, act=0, extra={**at.extra, "loss": loss})

    def _path(self, model_of: Callable[[], Model | None]) -> Iterator[State]:
        """The timestep loop, with the model that is to be used once one is needed."""
        noise, model = Noise.of(self.spec.seed, self.spec.copy_index, self.device), _Counted(model_of)
        origin = None if self.rows is None else self.data.x0[self.rows].to(self.dtype)
        labels = None if self.rows is None or self.data.labels is None else self.data.labels[self.rows]
        rest = (self.data, origin, labels, self.spec.schedule)
        ctx = StepContext(model, noise.at(_START, 0, 0, 0), *rest)
        x, arrived, at = self._first(ctx), None, 0
        reached: Mapping[str, Tensor] = {}
        no_grad, as_it_is = torch.no_grad(), nullcontext()
        for act, (sampler, joints) in enumerate(zip(self.spec.sampler, self.plan.joints, strict=True)):
            carry = None
            for t, s, before in joints:
                draw = noise.at(act, t.t, s.t, before)
                # Around the step alone: a generator would leak it to whoever iterates.
                with no_grad if torch.is_grad_enabled() else as_it_is:
                    step = _taken(sampler, x, t, s, StepContext(model, draw, *rest), carry)
                extra = {**reached, **step.extra} if reached else step.extra
                yield State(at, act, t, x, step.x0, arrived, model.calls, extra)
                x, arrived, carry, at = _checked(step, x, sampler).x, step.noise, step.carry, at + 1
                reached = step.reached
        yield State(at, act, self.plan.last, x, None, arrived, model.calls, reached)

    def _first(self, ctx: StepContext) -> Tensor:
        """The particles at the path's first level."""
        level, spec = self.plan.first, self.spec
        if self.source is not None:
            found = self.source.series("x", self.source.nearest(level.t))
            assert found is not None, "x is recorded at every kept visit"
            return self._fitted(torch.as_tensor(found)).to(self.device, self.dtype)
        if ctx.origin is None:
            like = self.data.x0.new_empty((self.particles, *self.data.event), dtype=self.dtype)
            return ctx.draw(like, "start") * spec.schedule.prior_std()
        if self.start == "data":
            assert level.t == 0, "planning refuses clean data anywhere else"
            return ctx.origin
        return level.alpha * ctx.origin + level.sigma * ctx.draw(ctx.origin, "start")

    def _fitted(self, rows: Tensor) -> Tensor:
        """Particle i takes row i mod n."""
        return rows[torch.arange(self.particles) % len(rows)].to(self.device)


class _Counted:
    """A run's model with its calls counted."""

    def __init__(self, model_of: Callable[[], Model | None]) -> None:
        self.model_of = model_of
        self.calls = 0

    def __call__(self, x: Tensor, level: Level, labels: Tensor | None = None) -> Tensor:
        self.calls += 1
        model = self.model_of()
        assert model is not None, "the scene was checked for a denoiser"
        return model(x, level, labels)


def _taken(sampler: Sampler, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
    """One step; an error names the sampler, at no cost to steps that raise none."""
    try:
        return sampler.step(x, t, s, ctx, carry)
    except Exception:
        with at_work(f"sampler {type(sampler).__name__} (t = {t.t:g} to {s.t:g})"):
            raise


def _checked(step: Step, x: Tensor, sampler: Sampler) -> Step:
    if step.x.shape != x.shape:
        name = type(sampler).__name__
        raise PluginError(f"{name}.step gave particles of shape {tuple(step.x.shape)}, not {tuple(x.shape)}")
    return step
