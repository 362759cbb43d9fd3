"""Renderers: layers of a panel, which describe one moment as marks. They do not draw."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from .geometry import Box, View
from .guides import Guide, Space
from .marks import Mark
from .plugin import Plugin
from .theme import Theme
from .trajectory import Trajectory

if TYPE_CHECKING:
    from .probe import Metric, Probe, Values
    from .run_info import RunInfo
    from .schedule import Level

__all__ = ["IN_PIXELS", "Moment", "RenderContext", "Renderer", "RunView", "space_of"]


IN_PIXELS = "in design pixels"
"""Mark of a field that is a length in design pixels: ``width: Annotated[float, IN_PIXELS] = 1.5``."""

_VISIBLE = 0.2
"""Design pixels below which a radius or a width can hardly be seen."""


@dataclass(frozen=True, slots=True)
class RenderContext:
    """The panel that a renderer draws for.

    Attributes:
        view: Limits and pixels.
        theme: Colours and type.
    """

    view: View
    theme: Theme


@dataclass(frozen=True, slots=True)
class Moment:
    """The moment that a frame shows.

    Attributes:
        index: Visited state of the panel's run.
        level: Its time and noise level.
        fraction: Progress of the film, in [0, 1].
        indices: Visited state of each of the film's runs, by name.
        seconds: Length of the moving part of the film, in seconds, holds excluded.
    """

    index: int
    level: Level
    fraction: float
    indices: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 1.0


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class RunView:
    """A simulated run as layers see it: read-only.

    Attributes:
        trajectory: The visited states.
        value: ``value(probe, index)`` returns a probe's measurement at a visit.
        metrics: The metrics that the scene measures on the run.
        shown: The visits that the film shows, ascending: probes are measured at these.
        runs: All runs of the film by name, including this one.
    """

    trajectory: Trajectory
    value: Callable[[Probe, int], Values]
    metrics: Sequence[Metric] = ()
    shown: Sequence[int] = ()
    runs: Mapping[str, RunView] = field(default_factory=dict, repr=False)

    def scalars(self, index: int) -> dict[str, float]:
        """Return every metric of the run at a visit, by the names that titles use."""
        return {name: float(v) for metric in self.metrics for name, v in self.value(metric, index).items()}

    def live_values(self, index: int, names: Iterable[str]) -> dict[str, object]:
        """Return the values at a visit that text can show, by name.

        Args:
            index: The visit.
            names: Names that the text uses; metrics are measured only if one of them is not built in.
        """
        run = self.trajectory
        level = run.levels[index]
        values: dict[str, object] = {
            "t": level.t,
            "step": index,
            "T": run.schedule.T,
            "alpha": level.alpha,
            "sigma": level.sigma,
            "log_snr": level.log_snr,
            "calls": run.calls[index],
            "run": run.name,
            "particles": run.particles,
        }
        if run.training is not None:
            values["trained"] = run.training[index]
        return values if set(names) <= values.keys() else values | self.scalars(index)


class Renderer(Plugin):
    """One layer of a panel: a pure function from recorded values to marks.

    Attributes:
        space: Meaning of the axes; the layers of a panel share it.
    """

    kind: ClassVar[str] = "renderer"
    space: ClassVar[Space]

    def lint(self) -> Iterable[str]:
        """Yield a warning for each length in design pixels that was probably meant in data units."""
        for name, info in type(self).model_fields.items():
            value = getattr(self, name)
            if IN_PIXELS in info.metadata and value is not None and value < _VISIBLE:
                yield f"'{name}' is in pixels at 720 lines, and {value:g} is invisible; write 2, for example"

    def check(self, run: RunInfo) -> str | None:
        """Return the reason why it cannot show a run, or None; called before anything is simulated."""
        event_shape = run.event_shape
        if self.space == "plane" and event_shape != (2,):
            return f"shows points in the plane, event shape (2,), not {event_shape}"
        if self.space == "image" and len(event_shape) not in (2, 3):
            return f"shows images, event shape (H, W) or (H, W, 3), not {event_shape}"
        return None

    def extent(self, run: RunView) -> Box | None:
        """Return the limits that must be in view over the whole run; axes that do not matter are None."""
        return None

    def probes(self, ctx: RenderContext) -> Sequence[Probe]:
        """Return the probes to measure at the visits shown; read them below with ``run.value(probe, index)``."""
        return ()

    def backdrop(self, run: RunView, ctx: RenderContext) -> Iterable[Mark]:
        """Return the marks behind everything else, the same in every frame."""
        return ()

    @abstractmethod
    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[Mark]:
        """Return the marks of this moment, back to front."""

    def guide(self, run: RunView, ctx: RenderContext) -> Guide | None:
        """Return a legend or colour bar, if the layer needs one."""
        return None


def space_of(layers: Iterable[Renderer]) -> Space:
    """Return the meaning of a panel's axes with these layers: the plane's if all of them fit anywhere."""
    return next((layer.space for layer in layers if layer.space != "any"), "plane")
