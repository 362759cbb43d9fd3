"""Data of a scene's runs: loaded, validated, and checked against denoisers and samplers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..contracts.calls import call
from ..contracts.dataset import Data, LoadContext
from ..contracts.denoiser import DenoiserContext, Pairs, TrainingContext
from ..contracts.digests import facts_digest
from ..contracts.identity import UnkeyableError, identity
from ..scene import PluginSpecs
from ..support.errors import PluginError, Problem, SceneError, plugin_errors
from ..support.memory import require_memory
from ..support.noise import LoadDraw

if TYPE_CHECKING:
    from ..registry import Registry
    from ..scene import RunSpec, SceneDocument, SceneSpec

__all__ = ["denoiser_contexts", "load_all", "load_data"]

_MOST = 1e15  # largest number in data: its square and its sums must fit into float32
_SCALE = "write 'dataset: {standardised: …}' to scale them first"
_FEW = 2**16  # values between the ends of a coordinate, below which rounding may show
_COPIES = 8  # copies of x alive in one step: before and after, estimate, noise, those recorded, and intermediate ones
_BYTES_EACH = 48  # a particle's origin, hue and class


Warn = Callable[[Problem], None]


def _ignore(warning: Problem) -> None:
    """Show no warning."""


def load_all(scene: SceneSpec, registry: Registry, warn: Warn = _ignore) -> dict[str, Data]:
    """Load the data of every run, on the CPU; runs with the same data set and seed share it.

    Args:
        scene: The scene.
        registry: Registry of plugins.
        warn: Receives the warnings about the data.

    Raises:
        SceneError: Data cannot be read or used, or a denoiser does not fit them.
    """
    loaded: dict[str, Data] = {}
    data = {}
    for name, spec in scene.runs.items():
        key = _key(spec)
        if key not in loaded:
            loaded[key] = load_data(spec, scene.document, warn)
        data[name] = loaded[key]
    contexts = denoiser_contexts(scene, data, registry)
    problems = [
        problem for name, spec in scene.runs.items() for problem in _misfits(spec, contexts[name], scene.document)
    ]
    if problems:
        raise SceneError(problems)
    return data


def _key(spec: RunSpec) -> str:
    """Return a key of the data set and seed; plugins need not be hashable."""
    try:
        return facts_digest({"dataset": identity(spec.dataset), "seed": spec.seed})
    except UnkeyableError:
        return f"{id(spec.dataset)} {spec.seed}"


def denoiser_contexts(scene: SceneSpec, data: Mapping[str, Data], registry: Registry) -> dict[str, DenoiserContext]:
    """Return each run's context for denoisers before anything is simulated: on the CPU, with empty pairs."""
    training = TrainingContext(plugins=PluginSpecs(registry))
    contexts = {}
    for name, spec in scene.runs.items():
        empty = data[name].x0[:0]
        pairs = None if spec.pairs is None else Pairs(empty, empty)
        cpu, folder = torch.device("cpu"), scene.document.folder
        contexts[name] = DenoiserContext(data[name], spec.schedule, cpu, folder, spec.seed, pairs, training)
    return contexts


def load_data(spec: RunSpec, document: SceneDocument, warn: Warn = _ignore) -> Data:
    """Load a run's data set, on the CPU, in float32.

    Raises:
        SceneError: The data cannot be read or used; the message gives the place in the scene.
        PluginError: The data set has a bug.
    """
    who = f"dataset {type(spec.dataset).__name__} (load)"
    place = f"runs.{spec.name}.dataset"

    def warn_here(message: str) -> None:
        warn(document.problem(place, message))

    with plugin_errors(who):
        try:
            data = spec.dataset.load(LoadContext(document.folder, LoadDraw(spec.seed), warn_here))
        except (OSError, ValueError) as error:
            raise SceneError([document.problem(place, _message(error))]) from error
    if not isinstance(data, Data):
        raise PluginError(f"{who}: must return noisereel.Data, not {type(data).__name__}")
    if len(data.x0) == 0:
        raise SceneError([document.problem(place, "the data set is empty: it needs at least one sample")])
    if not _is_finite(data.x0):
        raise SceneError([document.problem(place, "the data contains NaN or infinite values")])
    x0 = data.x0.float()
    if not _is_finite(x0):
        raise SceneError([document.problem(place, f"the data contains values beyond float32; {_SCALE}")])
    if (largest := max(-float(x0.min()), float(x0.max()))) > _MOST:
        message = f"the data reaches {largest:.3g}, too large to compute with; {_SCALE}"
        raise SceneError([document.problem(place, message)])
    if data.x0.dtype == torch.float32:
        return _detached(data)
    if warning := _coarseness(data.x0, x0):
        warn_here(warning)
    return _detached(replace(data, x0=x0))


def _is_finite(x: Tensor) -> bool:
    """Return whether all values are finite; unlike torch.isfinite, this takes no memory."""
    return x.numel() == 0 or all(math.isfinite(end) for end in map(float, torch.aminmax(x)))


def _coarseness(exact: Tensor, rounded: Tensor) -> str | None:
    """Return a warning if rounding merges values of a coordinate and leaves few between its ends, else None."""
    columns = exact.flatten(1)
    low, high = columns.amin(0), columns.amax(0)
    spacing = np.spacing(torch.maximum(low.abs(), high.abs()).float().numpy())
    few = torch.nonzero((high - low) / torch.from_numpy(spacing).double() < _FEW).flatten().tolist()
    counts = [(_distinct(rounded, i), _distinct(exact, i), i) for i in few]
    after, before, i = min(counts, key=lambda count: count[0] / count[1], default=(1, 1, 0))
    if after == before:
        return None
    near = f"{float(columns[0, i]):g}"
    return f"coordinate {i + 1}: float32 keeps {after:,} of {before:,} distinct values near {near}; {_SCALE}"


def _distinct(samples: Tensor, coordinate: int) -> int:
    return len(np.unique(samples.flatten(1)[:, coordinate].numpy()))


def _detached(data: Data) -> Data:
    """Return data without gradients, which arrays of numpy cannot have."""
    tensors = {name: getattr(data, name) for name in ("x0", "labels", "hue", "palette")}
    detached: dict[str, Any] = {n: value.detach() for n, value in tensors.items() if isinstance(value, Tensor)}
    return replace(data, **detached)


def _misfits(spec: RunSpec, ctx: DenoiserContext, document: SceneDocument) -> Iterator[Problem]:
    """Yield the problems of a run whose denoiser or samplers cannot serve its data, or that does not fit in memory."""
    if spec.particles is not None:
        try:
            require_memory("particles", spec.particles, _COPIES * 4 * math.prod(ctx.data.event_shape) + _BYTES_EACH)
        except ValueError as error:
            yield document.problem(f"runs.{spec.name}.particles", str(error))
    if spec.denoiser is not None and (reason := call(spec.denoiser, "check", ctx, returns=(str, type(None)))):
        yield document.problem(f"runs.{spec.name}.denoiser", reason)
    for sampler in spec.sampler:
        if reason := call(sampler, "check", ctx.data, returns=(str, type(None))):
            yield document.problem(f"runs.{spec.name}.sampler", reason)


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)
