"""noisereel films diffusion processes: a scene names plugins, the engine runs the timestep loop and films what happens.

Everything that a plugin needs is here, ``from noisereel import Data, Dataset, Load, hookimpl``. Names are loaded when
first asked for, so that importing the package alone costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .dataset import Data as Data, Dataset as Dataset, Load as Load, Scaling as Scaling
    from .denoiser import (
        Bind as Bind,
        Denoiser as Denoiser,
        Model as Model,
        Pairs as Pairs,
        Snapshot as Snapshot,
        to_eps as to_eps,
        to_score as to_score,
        to_v as to_v,
        to_x0 as to_x0,
    )
    from .errors import NoisereelError as NoisereelError
    from .figure import Box as Box, Drawing as Drawing, Look as Look, View as View
    from .hookspecs import hookimpl as hookimpl
    from .learning import Learned as Learned
    from .marks import (
        Area as Area,
        Arrows as Arrows,
        Image as Image,
        Mark as Mark,
        Points as Points,
        Polylines as Polylines,
        Shades as Shades,
        Text as Text,
        Trails as Trails,
    )
    from .probe import Measure as Measure, Metric as Metric, Probe as Probe, State as State, Trace as Trace
    from .record import Record as Record
    from .renderer import (
        Colorbar as Colorbar,
        Guide as Guide,
        Legend as Legend,
        Moment as Moment,
        Renderer as Renderer,
    )
    from .sampler import Sampler as Sampler, Step as Step, StepContext as StepContext
    from .schedule import (
        BetaSchedule as BetaSchedule,
        Level as Level,
        Schedule as Schedule,
        Spacing as Spacing,
        posterior as posterior,
        transition as transition,
    )
    from .subject import Subject as Subject
    from .theme import Theme as Theme
    from .writer import Frame as Frame, OutputSpec as OutputSpec, Sink as Sink, Writer as Writer

__version__ = "0.1.0"

_NAMES = {
    "dataset": "Data Dataset Load Scaling",
    "denoiser": "Bind Denoiser Model Pairs Snapshot to_eps to_score to_v to_x0",
    "errors": "NoisereelError",
    "figure": "Box Drawing Look View",
    "hookspecs": "hookimpl",
    "learning": "Learned",
    "marks": "Area Arrows Image Mark Points Polylines Shades Text Trails",
    "probe": "Measure Metric Probe State Trace",
    "record": "Record",
    "renderer": "Colorbar Guide Legend Moment Renderer",
    "sampler": "Sampler Step StepContext",
    "schedule": "BetaSchedule Level Schedule Spacing posterior transition",
    "subject": "Subject",
    "theme": "Theme",
    "writer": "Frame OutputSpec Sink Writer",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'noisereel' has no attribute '{name}'")
    value = globals()[name] = getattr(import_module(f".{_HOME[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
