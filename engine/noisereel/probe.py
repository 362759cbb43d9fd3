"""Probes: what is measured on a visited state."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .dataset import Data
from .denoiser import Bind, Model, to_eps
from .plugin import Plugin
from .schedule import Level, Schedule

if TYPE_CHECKING:
    from .subject import Subject

__all__ = ["Measure", "Metric", "Probe", "State", "Trace"]


class State(NamedTuple):
    """One visited moment of a run.

    Attributes:
        step: Position in the run, 0 at its start.
        act: Which of the run's samplers leaves from here.
        level: Time and noise level.
        x: Particles, shape (n, *event).
        x0: Estimate x̂_0 used to leave this state, where there was one; the last state has none.
        noise: Standard normal noise injected on arriving here, where there was some.
        calls: Denoiser calls made so far, the ones that leave this state included.
        extra: What the sampler added, by name.
    """

    step: int
    act: int
    level: Level
    x: Tensor
    x0: Tensor | None = None
    noise: Tensor | None = None
    calls: int = 0
    extra: Mapping[str, Tensor] = MappingProxyType({})

    @property
    def eps(self) -> Tensor | None:
        """Estimate ε̂ used to leave this state; None where there is none or no noise."""
        return None if self.x0 is None or self.level.sigma == 0 else to_eps(self.x, self.x0, self.level)


@dataclass(frozen=True, slots=True)
class Measure:
    """What a probe may use.

    Attributes:
        model: The run's model; None if it has no denoiser.
        data: The run's data.
        schedule: The run's schedule.
        bind: What other denoisers may be bound to, to be compared with; None outside a run.
    """

    model: Model | None
    data: Data
    schedule: Schedule
    bind: Bind | None = None


class Probe(Plugin):
    """Measures arrays on a state, such as a field on a grid."""

    kind: ClassVar[str] = "probe"

    @abstractmethod
    def measure(self, state: State, ctx: Measure) -> Mapping[str, NDArray[np.generic]]:
        """Arrays by name. Must not change the state."""


class Metric(Probe):
    """A probe that gives scalars, which titles and curves can show.

    Attributes:
        gives: Names of the scalars.
        unit: Their unit, for labels; empty if they have none.
    """

    kind: ClassVar[str] = "metric"
    gives: ClassVar[tuple[str, ...]]
    unit: ClassVar[str] = ""

    def check(self, subject: Subject) -> str | None:
        """Why it cannot be measured on a run, or None; asked before anything is simulated."""
        return None

    def reference(self, particles: int, event: tuple[int, ...]) -> Mapping[str, float]:
        """Named levels worth a dotted line, such as what so many particles of a Gaussian give.

        Args:
            particles: How many are measured.
            event: Shape of one.
        """
        return {}


class Trace(Probe):
    """A probe that needs the way there: it is led along a run's visits in order, once."""

    @abstractmethod
    def follow(self, states: Iterable[State], ctx: Measure) -> Iterator[Mapping[str, NDArray[np.generic]]]:
        """Arrays by name for every state, in order. ``states`` holds the kept visits of a whole run."""

    def measure(self, state: State, ctx: Measure) -> Mapping[str, NDArray[np.generic]]:
        """What a path of this one state gives."""
        return next(iter(self.follow([state], ctx)))
