"""noisereel films diffusion processes: a scene names plugins, the engine runs the timestep loop and films it.

Everything that users and plugins need can be imported from here: ``from noisereel import Data, Dataset, hookimpl``.
Names are imported when first used, so that importing the package alone is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import load as load, render as render, still as still, train as train, validate as validate
    from .contracts.dataset import Data as Data, Dataset as Dataset, LoadContext as LoadContext, Scaling as Scaling
    from .contracts.denoiser import (
        Denoiser as Denoiser,
        DenoiserContext as DenoiserContext,
        Model as Model,
        Pairs as Pairs,
        Snapshot as Snapshot,
        TrainingContext as TrainingContext,
    )
    from .contracts.figure import Drawing as Drawing
    from .contracts.geometry import Box as Box, View as View
    from .contracts.guides import Colorbar as Colorbar, Guide as Guide, Legend as Legend
    from .contracts.marks import (
        Area as Area,
        Arrows as Arrows,
        Image as Image,
        Mark as Mark,
        Mesh as Mesh,
        Points as Points,
        Polylines as Polylines,
        Shades as Shades,
        Text as Text,
        Trails as Trails,
    )
    from .contracts.parametrisation import to_eps as to_eps, to_score as to_score, to_v as to_v, to_x0 as to_x0
    from .contracts.probe import MeasureContext as MeasureContext, Metric as Metric, Probe as Probe, Trace as Trace
    from .contracts.renderer import (
        Moment as Moment,
        RenderContext as RenderContext,
        Renderer as Renderer,
        RunView as RunView,
    )
    from .contracts.run_info import RunInfo as RunInfo
    from .contracts.sampler import Sampler as Sampler, Step as Step, StepContext as StepContext
    from .contracts.schedule import (
        BetaSchedule as BetaSchedule,
        Level as Level,
        Schedule as Schedule,
        Spacing as Spacing,
        posterior as posterior,
        transition as transition,
    )
    from .contracts.state import State as State
    from .contracts.theme import Theme as Theme
    from .contracts.trajectory import Trajectory as Trajectory
    from .contracts.writer import Frame as Frame, Sink as Sink, Writer as Writer, WriterContext as WriterContext
    from .learning import TrainedDenoiser as TrainedDenoiser
    from .registry import hookimpl as hookimpl
    from .support.errors import NoisereelError as NoisereelError
    from .support.version import __version__ as __version__

_NAMES = {
    "api": "load render still train validate",
    "contracts.dataset": "Data Dataset LoadContext Scaling",
    "contracts.denoiser": "Denoiser DenoiserContext Model Pairs Snapshot TrainingContext",
    "contracts.figure": "Drawing",
    "contracts.geometry": "Box View",
    "contracts.guides": "Colorbar Guide Legend",
    "contracts.marks": "Area Arrows Image Mark Mesh Points Polylines Shades Text Trails",
    "contracts.parametrisation": "to_eps to_score to_v to_x0",
    "contracts.probe": "MeasureContext Metric Probe Trace",
    "contracts.renderer": "Moment RenderContext Renderer RunView",
    "contracts.run_info": "RunInfo",
    "contracts.sampler": "Sampler Step StepContext",
    "contracts.schedule": "BetaSchedule Level Schedule Spacing posterior transition",
    "contracts.state": "State",
    "contracts.theme": "Theme",
    "contracts.trajectory": "Trajectory",
    "contracts.writer": "Frame Sink Writer WriterContext",
    "learning": "TrainedDenoiser",
    "registry": "hookimpl",
    "support.errors": "NoisereelError",
    "support.version": "__version__",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'noisereel' has no attribute '{name}'")
    value = globals()[name] = getattr(import_module(f".{_HOME[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
