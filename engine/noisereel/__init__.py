"""noisereel films diffusion processes: a scene names plugins, the engine runs the timestep loop and films it.

What most users and plugins need can be imported from here: ``from noisereel import Data, Dataset, hookimpl``. More
special names are in the public modules, such as ``noisereel.contracts.guides``. Names are imported when first used, so
that importing the package alone is fast.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # importing typing would take longer than everything else here
if TYPE_CHECKING:
    from typing import Any

    from .api import (
        RunResult as RunResult,
        Scene as Scene,
        frame as frame,
        load as load,
        render as render,
        sample as sample,
        simulate as simulate,
        still as still,
        train as train,
        validate as validate,
    )
    from .contracts.dataset import Data as Data, Dataset as Dataset, LoadContext as LoadContext, Scaling as Scaling
    from .contracts.denoiser import Denoiser as Denoiser, DenoiserContext as DenoiserContext, Model as Model
    from .contracts.figure import Drawing as Drawing
    from .contracts.marks import (
        Area as Area,
        Arrows as Arrows,
        Image as Image,
        Mesh as Mesh,
        Points as Points,
        Polylines as Polylines,
        Shades as Shades,
        Text as Text,
        Trails as Trails,
    )
    from .contracts.probe import MeasureContext as MeasureContext, Metric as Metric, Probe as Probe
    from .contracts.renderer import (
        Moment as Moment,
        RenderContext as RenderContext,
        Renderer as Renderer,
        RunView as RunView,
    )
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
    from .contracts.trajectory import Trajectory as Trajectory
    from .contracts.writer import Frame as Frame, Sink as Sink, Writer as Writer, WriterContext as WriterContext
    from .learning import TrainedDenoiser as TrainedDenoiser
    from .registry import Registry as Registry, hookimpl as hookimpl, load_registry as load_registry
    from .support.errors import (
        NoisereelError as NoisereelError,
        PluginError as PluginError,
        SceneError as SceneError,
        UsageError as UsageError,
    )
    from .support.progress import NoisereelWarning as NoisereelWarning, Progress as Progress
    from .support.version import __version__ as __version__

_NAMES = {
    "api": "RunResult Scene frame load render sample simulate still train validate",
    "contracts.dataset": "Data Dataset LoadContext Scaling",
    "contracts.denoiser": "Denoiser DenoiserContext Model",
    "contracts.figure": "Drawing",
    "contracts.marks": "Area Arrows Image Mesh Points Polylines Shades Text Trails",
    "contracts.probe": "MeasureContext Metric Probe",
    "contracts.renderer": "Moment RenderContext Renderer RunView",
    "contracts.sampler": "Sampler Step StepContext",
    "contracts.schedule": "BetaSchedule Level Schedule Spacing posterior transition",
    "contracts.state": "State",
    "contracts.trajectory": "Trajectory",
    "contracts.writer": "Frame Sink Writer WriterContext",
    "learning": "TrainedDenoiser",
    "registry": "Registry hookimpl load_registry",
    "support.errors": "NoisereelError PluginError SceneError UsageError",
    "support.progress": "NoisereelWarning Progress",
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
