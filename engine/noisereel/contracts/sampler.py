"""Samplers: which times are visited, and how one step is taken. They never loop over time themselves."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Protocol

from pydantic import Field
from torch import Tensor

from .dataset import Data
from .denoiser import Model
from .plugin import Plugin
from .schedule import Level, Schedule, Spacing

__all__ = ["DrawLike", "Sampler", "Step", "StepContext"]


class DrawLike(Protocol):
    """Keyed standard normal noise of a tensor's shape, dtype and device; ``stream`` tells draws of one step apart."""

    def __call__(self, like: Tensor, stream: str = "noise") -> Tensor: ...


class StepContext(NamedTuple):
    """What a step may use.

    Attributes:
        model: x̂_0 = model(x, level); each call is counted. None if the run has no denoiser.
        draw: Keyed noise for this step.
        data: The run's data.
        origin: Clean samples x_0 that the particles came from, shape (n, *event); None unless started from data.
        labels: Class of each particle, shape (n,), where there are classes.
        schedule: The run's schedule.
        first_row: Index of the first particle in ``x`` among all particles of the run.
    """

    model: Model
    draw: DrawLike
    data: Data
    origin: Tensor | None
    labels: Tensor | None
    schedule: Schedule
    first_row: int = 0


class Step(NamedTuple):
    """What one step gives.

    Attributes:
        x: Particles at the new level, shape (n, *event).
        x0: Estimate of the clean data that the step used, if it used one.
        noise: Standard normal noise that was injected, if any.
        carry: What the next step of this act shall be given: tensors and floats.
        aux: Additional tensors to record with the state that the step leaves, by name.
        next_aux: Additional tensors to record with the state that it reaches, by name.
    """

    x: Tensor
    x0: Tensor | None = None
    noise: Tensor | None = None
    carry: Any = None
    aux: Mapping[str, Tensor] = MappingProxyType({})
    next_aux: Mapping[str, Tensor] = MappingProxyType({})


class Sampler(Plugin):
    """Moves particles from one noise level to the next.

    Attributes:
        needs: What must be there: of {"denoiser", "data", "grad"}; "data" means that the run starts from data.
    """

    kind: ClassVar[str] = "sampler"
    needs: ClassVar[frozenset[str]] = frozenset({"denoiser"})

    steps: int | None = Field(default=None, ge=1, le=1_000_000)
    """Number of steps; all of the schedule's times where left out."""
    spacing: Spacing | None = None
    """How the visited times are spaced; evenly in t where left out."""

    @property
    def aux_names(self) -> Sequence[str]:
        """Names of the additional tensors that each of its steps records."""
        return ()

    def check(self, data: Data) -> str | None:
        """Why it cannot move particles of these data, or None; asked before anything is simulated."""
        return None

    def path(self, schedule: Schedule, start: float | None) -> Sequence[float]:
        """The times to visit, beginning at ``start`` (None: wherever the sampler begins); may fall, rise or repeat.

        The default falls from ``start`` (T where None) to 0.

        Raises:
            ValueError: The particles are where these times cannot begin; says why.
        """
        begin = float(schedule.T) if start is None else start
        if begin == 0:
            raise ValueError("it takes noise away, but the particles are at t = 0, clean data already")
        steps = self.steps or max(1, round(begin))
        if self.spacing is not None:
            return self.spacing.times(schedule, steps, begin)
        return tuple(begin * (steps - i) / steps for i in range(steps + 1))

    @abstractmethod
    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Take particles x at level t to level s.

        Args:
            x: Noisy particles x_t, shape (n, *event); not to be changed in place.
            t: Where they are.
            s: Where they go.
            ctx: Model, noise and data.
            carry: What the step before returned as ``carry``; None at the start of an act.
        """
