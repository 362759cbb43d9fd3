"""Samplers: the times of a run and the steps between them. They never loop over time themselves."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Protocol

from pydantic import Field
from torch import Tensor

from ..support.errors import PluginError
from .dataset import Data
from .denoiser import Model
from .plugin import Plugin
from .schedule import Level, Schedule, Spacing

__all__ = ["DrawLike", "Sampler", "Step", "StepContext"]


class DrawLike(Protocol):
    """Keyed standard normal noise of a tensor's shape, dtype and device; ``stream`` distinguishes draws of one step."""

    def __call__(self, like: Tensor, stream: str = "noise") -> Tensor: ...


class StepContext(NamedTuple):
    """Inputs of a step besides the particles.

    Attributes:
        model: x̂_0 = model(x, level); each call is counted. None if the run has no denoiser.
        draw: Keyed noise for this step.
        data: The run's data.
        origin: Clean samples x_0 that the particles came from, shape (n, *event); None unless started from data.
        labels: Class of each particle, shape (n,), if there are classes.
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
    """The result of one step.

    Attributes:
        x: Particles at the new level, shape (n, *event).
        x0: Estimate of the clean data that the step used, if it used one.
        noise: Standard normal noise that was injected, if any.
        carry: Value to pass to the next step of this act: tensors and floats.
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
    """A rule for moving particles from one noise level to the next.

    Attributes:
        needs: Requirements: any of {"denoiser", "data", "grad"}; "data" means that the run starts from data.
    """

    kind: ClassVar[str] = "sampler"
    needs: ClassVar[frozenset[str]] = frozenset({"denoiser"})

    steps: int | None = Field(default=None, ge=1, le=1_000_000)
    """Number of steps; all of the schedule's times if None."""
    spacing: Spacing | None = None
    """Spacing of the visited times; even in t if None."""

    @property
    def aux_names(self) -> Sequence[str]:
        """Names of the additional tensors that each of its steps records."""
        return ()

    def check(self, data: Data) -> str | None:
        """Return the reason why it cannot move particles of this data, or None; called before anything is simulated."""
        return None

    def path(self, schedule: Schedule, start: float | None) -> Sequence[float]:
        """Return the times to visit; they may decrease, increase or repeat. By default, they decrease to 0.

        Args:
            schedule: The run's schedule.
            start: Time to begin at; None for the sampler's own, by default T.

        Raises:
            ValueError: The times cannot begin there; the message gives the reason.
        """
        begin = float(schedule.T) if start is None else start
        if begin == 0:
            raise ValueError("it removes noise, but the particles are already clean data, at t = 0")
        steps = self.steps or max(1, round(begin))
        if self.spacing is not None:
            return _numbers(self.spacing.times(schedule, steps, begin), self.spacing)
        return tuple(begin * (steps - i) / steps for i in range(steps + 1))

    @abstractmethod
    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Move particles x from level t to level s.

        Args:
            x: Noisy particles x_t, shape (n, *event); must not be changed in place.
            t: Their level.
            s: Their new level.
            ctx: Model, noise and data.
            carry: ``carry`` of the previous step; None at the start of an act.
        """


def _numbers(times: Sequence[float], spacing: Spacing) -> Sequence[float]:
    """Return the times that a spacing gave, checked."""
    try:
        return tuple(map(float, times))
    except (TypeError, ValueError) as error:
        raise PluginError(f"spacing {type(spacing).__name__} (times): must return numbers: {error}") from error
