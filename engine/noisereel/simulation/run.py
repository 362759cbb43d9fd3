"""The timestep loop: the only place that iterates over the times of a diffusion."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from ..contracts.calls import call
from ..contracts.dataset import Data, describe
from ..contracts.denoiser import DenoiserContext, Model, Snapshot
from ..contracts.probe import MeasureContext
from ..contracts.sampler import Sampler, Step, StepContext
from ..contracts.state import State
from ..support.errors import NoisereelError, PluginError, plugin_errors
from ..support.noise import Noise
from .plan import RunPlan, particle_count, start_of

if TYPE_CHECKING:
    from ..contracts.schedule import Level
    from ..contracts.trajectory import Trajectory
    from ..scene import RunSpec

__all__ = ["CountedModel", "Run", "walk"]

_START = -1  # the "act" in the keys of the initial state's draws
_MAX_STEPS_UNCHECKED = 16  # so that looking for NaN costs little; NaN in one step remains in the next ones
_MAX_UNCHECKED = 2**22  # numbers that are kept in memory until then, at most

_Taken = tuple[Sampler, "Level", "Level", int, Tensor]
"""A step: its sampler, the level left, the level reached, its number, and the particles that it gave."""


@dataclass(frozen=True)
class Run:
    """One run, bound to data, a device and its noise.

    Attributes:
        spec: The run in the scene.
        plan: The times it visits.
        context: Its data and device, and everything else that its denoiser is built from.
        predecessor: Trajectory of the run that this one starts from, if it does.
    """

    spec: RunSpec
    plan: RunPlan
    context: DenoiserContext
    predecessor: Trajectory | None = None

    @property
    def data(self) -> Data:
        """The run's data, on its device."""
        return self.context.data

    @property
    def device(self) -> torch.device:
        """Device that simulates it."""
        return self.context.device

    @cached_property
    def model(self) -> Model | None:
        """The run's denoiser, bound; None if it has none."""
        if self.spec.denoiser is None:
            return None
        with plugin_errors(f"denoiser {type(self.spec.denoiser).__name__}"):
            model = self.spec.denoiser.bind(self.context)
            if not callable(model):
                raise TypeError(f"bind must return a function, not {type(model).__name__}")
            return model

    @cached_property
    def snapshots(self) -> Sequence[Snapshot]:
        """The denoiser at each visit, if the run shows it in training; else empty."""
        if self.plan.training is None or self.spec.denoiser is None:
            return ()
        with plugin_errors(f"denoiser {type(self.spec.denoiser).__name__}"):
            snapshots = self.spec.denoiser.snapshots(self.context, self.plan.training)
            wrong = [item for item in snapshots if not (isinstance(item, Snapshot) and callable(item.model))]
            if wrong or len(snapshots) != len(self.plan.training):
                raise TypeError(f"snapshots must return {len(self.plan.training)} snapshots of the model")
            return snapshots

    def measure_context(self, index: int) -> MeasureContext:
        """Return the context for probes at a visit; calls of its model are not counted."""
        model = self.snapshots[index].model if self.snapshots else self.model
        return MeasureContext(model, self.data, self.spec.schedule, self.context)

    @cached_property
    def rows(self) -> Tensor | None:
        """Row of the data that each particle comes from, shape (particles,); None unless started from data."""
        if self.predecessor is not None:
            origin = self.predecessor.origin
            return None if origin is None else self._repeated(torch.as_tensor(origin))
        if self.start == "prior":
            return None
        n = len(self.data.x0)
        return torch.arange(self.spec.particles or n, device=self.device) % n

    @property
    def start(self) -> str:
        """Initial state of the particles: "data", "prior", "marginal" or "run"."""
        return start_of(self.spec, self.plan)

    @property
    def particles(self) -> int:
        """Number of particles."""
        predecessor = None if self.predecessor is None else self.predecessor.particles
        return particle_count(self.spec, self.start, len(self.data.x0), predecessor)

    def states(self) -> Iterator[State]:
        """Yield every visited state in order.

        Raises:
            PluginError: A sampler raised, or gives particles of another shape.
            NoisereelError: Particles become NaN or infinite.
        """
        if self.plan.training is None:
            yield from self._path(lambda: self.model)
            return
        level = self.plan.levels[0]
        for index, snapshot in enumerate(self.snapshots):
            path = self._path(lambda model=snapshot.model: model)  # type: ignore[misc]
            state = next(s for s in path if s.level == level)
            loss = torch.tensor(snapshot.loss)
            yield state._replace(index=index, act=0, aux={**state.aux, "loss": loss})

    def _path(self, model_of: Callable[[], Model | None]) -> Iterator[State]:
        """Yield the states of one pass; ``model_of`` is called once a model is needed."""
        noise = Noise.of(self.spec.seed, self.spec.copy_index, self.device)
        model = CountedModel(model_of, f"denoiser {type(self.spec.denoiser).__name__}")
        origin = None if self.rows is None else self.data.x0[self.rows].float()
        labels = None if self.rows is None or self.data.labels is None else self.data.labels[self.rows]
        ctx = StepContext(model, noise.at(_START, 0, 0, 0), self.data, origin, labels, self.spec.schedule)
        yield from walk(self.spec.sampler, self.plan, self._first(ctx), noise, ctx, who=f"run '{self.spec.name}': ")

    def _first(self, ctx: StepContext) -> Tensor:
        """Return the particles at the path's first level."""
        level, spec = self.plan.first, self.spec
        if self.predecessor is not None:
            x = self.predecessor.series("x", self.predecessor.nearest(level.t))
            assert x is not None, "x is recorded at every kept visit"
            return self._repeated(torch.as_tensor(x))
        if ctx.origin is None:
            like = self.data.x0.new_empty((self.particles, *self.data.event_shape), dtype=torch.float32)
            std: float = call(spec.schedule, "prior_std", returns=Real)
            return ctx.draw(like, "start") * std
        if self.start == "data":
            assert level.t == 0, "planning refuses clean data anywhere else"
            return ctx.origin
        return level.alpha * ctx.origin + level.sigma * ctx.draw(ctx.origin, "start")

    def _repeated(self, rows: Tensor) -> Tensor:
        """Return a row for each particle: particle i takes row i mod n."""
        return rows[torch.arange(self.particles) % len(rows)].to(self.device)


class CountedModel:
    """A model that counts its calls.

    Args:
        model_of: Returns the model; called when it is first needed.
        name: Its name in errors.
    """

    def __init__(self, model_of: Callable[[], Model | None], name: str = "the model") -> None:
        self.model_of, self.name = model_of, name
        self.calls = 0

    def __call__(self, x: Tensor, level: Level, labels: Tensor | None = None) -> Tensor:
        self.calls += 1
        model = self.model_of()
        assert model is not None, "the scene was checked for a denoiser"
        try:
            x0 = model(x, level, labels)
        except BaseException:
            with plugin_errors(f"{self.name} (t = {level.t:g})"):
                raise
        if not isinstance(x0, Tensor) or x0.shape != x.shape:
            message = f"must return a tensor of shape {tuple(x.shape)}, not {describe(x0)}"
            raise PluginError(f"{self.name} (t = {level.t:g}): {message}")
        return x0


def walk(
    samplers: Sequence[Sampler], plan: RunPlan, x: Tensor, noise: Noise, ctx: StepContext, *, who: str = ""
) -> Iterator[State]:
    """Run the timestep loop: yield every state that particles visit, in order.

    Args:
        samplers: The samplers, one per act.
        plan: The times that they visit.
        x: Particles at the first of these times, shape (n, *event).
        noise: Source of each step's noise.
        ctx: Inputs of the steps; its model is a `CountedModel`, its noise is replaced for each step.
        who: Beginning of the message about particles that become NaN or infinite.

    Raises:
        PluginError: A sampler raised, or gives particles of another shape.
        NoisereelError: Particles become NaN or infinite.
    """
    model, rest = cast(CountedModel, ctx.model), ctx[2:]
    arrived, index = None, 0
    taken: list[_Taken] = []
    arrived_aux: Mapping[str, Tensor] = {}
    no_grad, unchanged = torch.no_grad(), nullcontext()
    for act, (sampler, transitions) in enumerate(zip(samplers, plan.transitions, strict=True)):
        carry = None
        for t, s, before in transitions:
            draw = noise.at(act, t.t, s.t, before)
            # Around the step alone: a generator would leak the mode to its caller.
            with no_grad if torch.is_grad_enabled() else unchanged:
                step = _step(sampler, x, t, s, StepContext(model, draw, *rest), carry)
            _check(step, x, sampler)
            aux = {**arrived_aux, **step.aux} if arrived_aux else step.aux
            yield State(index, act, t, x, step.x0, arrived, model.calls, aux)
            x, arrived, carry, index = step.x, step.noise, step.carry, index + 1
            arrived_aux = step.next_aux
            taken.append((sampler, t, s, index, x))
            if len(taken) * x.numel() >= _MAX_UNCHECKED or len(taken) == _MAX_STEPS_UNCHECKED:
                _check_finite(taken, who)
                taken.clear()
    _check_finite(taken, who)
    yield State(index, act, plan.last, x, None, arrived, model.calls, arrived_aux)


def _step(sampler: Sampler, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
    """Take one step; an error names the sampler, at no cost to steps that raise none."""
    try:
        return sampler.step(x, t, s, ctx, carry)
    except BaseException:
        with plugin_errors(f"sampler {type(sampler).__name__} (t = {t.t:g} to {s.t:g})"):
            raise


def _check(step: Step, x: Tensor, sampler: Sampler) -> None:
    """Check what a sampler gave: particles of the same shape, and tensors."""
    name = type(sampler).__name__
    if not isinstance(step, Step):
        raise PluginError(f"{name}.step must return noisereel.Step, not {describe(step)}")
    if not isinstance(step.x, Tensor):
        raise PluginError(f"{name}.step must give particles as a tensor, not {describe(step.x)}")
    if step.x.shape != x.shape:
        raise PluginError(f"{name}.step gave particles of shape {tuple(step.x.shape)}, not {tuple(x.shape)}")
    for key, value in (("x0", step.x0), ("noise", step.noise)):
        if value is not None and not (isinstance(value, Tensor) and value.shape == x.shape):
            raise PluginError(f"{name}.step: {key} must be a tensor of shape {tuple(x.shape)}, not {describe(value)}")
    for mapping in (step.aux, step.next_aux):
        if type(mapping) is MappingProxyType and not mapping:  # the default, at a tenth of the cost
            continue
        if not (isinstance(mapping, Mapping) and all(isinstance(value, Tensor) for value in mapping.values())):
            raise PluginError(f"{name}.step: aux must hold tensors by name")


def _check_finite(taken: Sequence[_Taken], who: str) -> None:
    """Check that particles are finite after the last of these steps; name the first step after which they are not.

    Raises:
        NoisereelError: They are not.
    """
    if not taken or _is_finite(taken[-1][-1]):
        return
    sampler, t, s, index, x = next(step for step in taken if not _is_finite(step[-1]))
    bad = int((~x.flatten(1).isfinite().all(1)).sum())
    raise NoisereelError(
        f"{who}sampler {type(sampler).__name__}, step {index} (t = {t.t:g} to {s.t:g}): {bad:,} of {len(x):,} "
        f"particles {'is' if bad == 1 else 'are'} NaN or infinite; try more steps, another spacing or another sampler"
    )


def _is_finite(x: Tensor) -> bool:
    # The sum takes a tenth of the time; if finite numbers overflow it, every number is examined.
    return math.isfinite(x.sum().item()) or bool(x.isfinite().all())
