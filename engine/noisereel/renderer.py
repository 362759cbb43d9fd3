"""Renderers: what is there at one moment, as marks. They do not draw."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from .marks import Mark
from .plugin import Plugin

if TYPE_CHECKING:
    from .figure import Box, Look
    from .probe import Probe
    from .record import Record
    from .schedule import Level
    from .subject import Subject

__all__ = ["Colorbar", "Guide", "Legend", "Moment", "Renderer", "Series", "Space", "space_of"]

Space = Literal["plane", "graph", "time", "image", "volume", "any"]
"""What a panel's axes mean: positions of 2-D points; any x against any y; the run's time and values; pixels; 3-D.

A layer for which they may mean anything fits every panel."""

Series = Literal["x", "x0", "eps", "noise", "signal"]
"""What of a run a layer shows: the particles, the estimates x̂_0 or ε̂, the injected noise, or α_t·x_0."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The moment that a frame shows.

    Attributes:
        step: Which visited state.
        level: Its time and noise level.
        fraction: How far the film is, in [0, 1].
        steps: Which visited state of each of the film's runs, by name.
        seconds: How long the film moves, in seconds, without the times that it holds.
    """

    step: int
    level: Level
    fraction: float
    steps: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Legend:
    """Names of what is drawn.

    Attributes:
        entries: (label, colour) each.
    """

    entries: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Colorbar:
    """What colours mean.

    Attributes:
        palette: RGB from low to high, shape (k, 3), uint8.
        low: Value at the low end.
        high: Value at the high end.
        label: What the values are.
    """

    palette: NDArray[np.uint8]
    low: float
    high: float
    label: str = ""


Guide = Legend | Colorbar


class Renderer(Plugin):
    """One layer of a panel: a pure function from recorded values to marks.

    Attributes:
        space: What the axes mean; the layers of a panel share it.
    """

    kind: ClassVar[str] = "renderer"
    space: ClassVar[Space]

    def check(self, subject: Subject) -> str | None:
        """Why a run cannot be shown, or None. Asked before anything is simulated."""
        event = subject.event
        if self.space == "plane" and event != (2,):
            return f"shows points in the plane, event shape (2,), not {event}"
        if self.space == "image" and len(event) not in (2, 3):
            return f"shows images, event shape (H, W) or (H, W, 3), not {event}"
        return None

    def extent(self, record: Record) -> Box | None:
        """What must be in view over the whole run; axes that do not matter are None."""
        return None

    def probes(self, look: Look) -> Sequence[Probe]:
        """What to measure at the visits shown; read it below with ``record.value(probe, step)``."""
        return ()

    def backdrop(self, record: Record, look: Look) -> Iterable[Mark]:
        """What lies behind, the same in every frame."""
        return ()

    @abstractmethod
    def marks(self, record: Record, moment: Moment, look: Look) -> Iterable[Mark]:
        """What is there at this moment, back to front."""

    def guide(self, record: Record, look: Look) -> Guide | None:
        """A legend or colour bar, if the layer needs one."""
        return None


def space_of(layers: Iterable[Renderer]) -> Space:
    """What the axes of a panel with these layers mean; a plane's where they all fit anywhere."""
    return next((layer.space for layer in layers if layer.space != "any"), "plane")
