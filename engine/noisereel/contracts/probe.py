"""Probes: measurements on visited states."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import NDArray

from .dataset import Data
from .denoiser import DenoiserContext, Model
from .plugin import Plugin
from .run_info import RunInfo
from .schedule import Schedule
from .state import State

__all__ = ["MeasureContext", "Metric", "Probe", "Trace", "Values"]

Values = Mapping[str, NDArray[Any]]
"""Measured arrays by name."""


@dataclass(frozen=True, slots=True)
class MeasureContext:
    """Inputs of a probe besides the state.

    Attributes:
        model: The run's model; None if it has no denoiser.
        data: The run's data.
        schedule: The run's schedule.
        denoising: Context for binding other denoisers to compare with; None outside a run.
    """

    model: Model | None
    data: Data
    schedule: Schedule
    denoising: DenoiserContext | None = None


class Probe(Plugin):
    """A measurement of arrays on a state, such as a field on a grid."""

    kind: ClassVar[str] = "probe"

    @abstractmethod
    def measure(self, state: State, ctx: MeasureContext) -> Values:
        """Return arrays by name. Must not change the state."""


class Metric(Probe):
    """A probe that gives scalars, which titles and curves can show.

    Attributes:
        gives: Names of the scalars.
        unit: Their unit, for labels; empty if they have none.
    """

    kind: ClassVar[str] = "metric"
    gives: ClassVar[tuple[str, ...]]
    unit: ClassVar[str] = ""

    def unit_of(self, name: str) -> str:
        """Return the unit of one of its scalars, if they differ."""
        return self.unit

    def check(self, run: RunInfo) -> str | None:
        """Return the reason why it cannot be measured on a run, or None; called before anything is simulated."""
        return None

    def reference(self, particles: int, event_shape: tuple[int, ...]) -> Mapping[str, float]:
        """Return named levels worth a dotted line, such as the value for this many particles of a Gaussian.

        Args:
            particles: Number of particles measured.
            event_shape: Shape of one particle.
        """
        return {}


class Trace(Probe):
    """A probe whose value depends on the path: it sees a run's visits in order, once."""

    @abstractmethod
    def follow(self, states: Iterable[State], ctx: MeasureContext) -> Iterator[Values]:
        """Yield arrays by name for every state, in order. ``states`` holds the kept visits of a whole run."""

    def measure(self, state: State, ctx: MeasureContext) -> Values:
        """Return the values of a path that consists of this state alone."""
        return next(iter(self.follow([state], ctx)))
