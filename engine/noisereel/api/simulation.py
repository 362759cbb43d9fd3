"""Simulation in Python: a scene's runs as arrays, and samples without a scene."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..contracts.calls import call
from ..contracts.dataset import Data
from ..contracts.denoiser import Denoiser
from ..contracts.probe import Metric
from ..contracts.sampler import Sampler
from ..contracts.schedule import Schedule
from ..registry import Registry
from ..scene import Given, Override, as_data, as_model, as_tensor, build_plugin, changed
from ..simulation.data import load_all
from ..simulation.device import find_device
from ..simulation.plan import plan_runs
from ..simulation.run_infos import check_metrics, run_infos
from ..simulation.sample import sample as sample_particles
from ..simulation.simulate import SimulatedRun, SimulationContext, simulate as simulate_runs
from ..simulation.store import TrajectoryStore
from ..support.compiled import Compiler, uncompiled
from ..support.errors import UsageError
from ..support.files import Scratch
from .defaults import cache_at, checked_scene, plugins, progress_of, whole_number

if TYPE_CHECKING:
    from ..contracts.run_info import RunInfo
    from ..contracts.schedule import Level
    from ..contracts.trajectory import Trajectory
    from ..scene import RunSpec, SceneSpec
    from ..support.progress import Progress
    from .defaults import Cache

__all__ = ["RunResult", "sample", "simulate"]

Particles = TypeVar("Particles", bound="NDArray[Any] | Tensor")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RunResult:
    """A simulated run, as arrays.

    Arrays are read-only, float32 unless stated otherwise, and memory-mapped if they are large. Their first axis is the
    run's visits: the states at its start and after each step.
    """

    _run: SimulatedRun
    _info: RunInfo
    _spec: RunSpec
    _registry: Registry
    _scratch: Scratch = field(repr=False)  # removed with the last reference to it

    @property
    def trajectory(self) -> Trajectory:
        """The trajectory that observers and writers receive."""
        return self._run.trajectory

    @property
    def x(self) -> NDArray[np.float32]:
        """Particles x_t, shape (visits, particles, *event)."""
        x = self._series("x")
        assert x is not None, "x is recorded at every visit"
        return x

    @property
    def x0(self) -> NDArray[np.float32] | None:
        """Estimate x̂_0 that each step used, like `x`; NaN where there was none; None if no step made one."""
        return self._series("x0")

    @property
    def noise(self) -> NDArray[np.float32] | None:
        """Noise that the step to each visit injected, like `x`; NaN where there was none; None if no step did."""
        return self._series("noise")

    @property
    def times(self) -> NDArray[np.float64]:
        """Time t of each visit, or its training step if the run shows its denoiser in training, shape (visits,)."""
        return _read_only(np.array(self.trajectory.times, np.float64))

    @property
    def levels(self) -> tuple[Level, ...]:
        """Level of each visit: t, α and σ."""
        return tuple(self.trajectory.levels)

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """Class of each particle, shape (particles,), int64; None if there are none, or particles begin as noise."""
        origin, labels = self.trajectory.origin, self.trajectory.data.labels
        return None if origin is None or labels is None else _read_only(labels.numpy()[origin].astype(np.int64))

    def metric(self, metric: str | Mapping[str, Any] | Metric) -> dict[str, NDArray[np.float64]]:
        """Measure the run.

        Args:
            metric: Name of a metric, ``{name: parameters}``, or an instance; if the scene's run has a metric of this
                name, its parameters are used.

        Returns:
            The metric's values by name, each of shape (visits,); NaN at visits that were not kept.

        Raises:
            UsageError: There is no such metric, or it cannot be measured on this run.
            PluginError: The metric raised.
        """
        chosen = self._metric(metric)
        if reason := call(chosen, "check", self._info, returns=(str, type(None))):
            raise UsageError(f"metric '{self._registry.name_of(chosen)}', run '{self.trajectory.name}': {reason}")
        out = {name: np.full(len(self.trajectory), np.nan) for name in chosen.gives}
        for index in self.trajectory.kept_visits:
            measured = self._run.measurements.value(chosen, index)
            for name, values in out.items():
                values[index] = measured[name]
        with suppress(OSError):  # the cache may be full or read-only
            self._run.measurements.save()
        return out

    def _metric(self, metric: str | Mapping[str, Any] | Metric) -> Metric:
        for own in self._spec.metrics:
            if isinstance(metric, str) and self._registry.name_of(own) == metric:
                return own
        return cast(Metric, build_plugin(metric, "metric", self._registry))

    def _series(self, name: str) -> NDArray[np.float32] | None:
        arrays, visits = self.trajectory.arrays, len(self.trajectory)
        if name not in arrays.series:
            return None
        series = arrays.whole(name)
        if len(arrays.kept) < visits:
            kept, series = series, np.full((visits, *series.shape[1:]), np.nan, np.float32)
            series[arrays.kept] = kept
        return _read_only(series)

    def __repr__(self) -> str:
        run = self.trajectory
        shape = " × ".join(map(str, run.event_shape))
        return f"RunResult({run.name!r}: {len(run)} visits of {run.particles} particles of shape {shape})"


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view


def simulate(
    scene: SceneSpec,
    *,
    seed: int | None = None,
    device: str = "auto",
    cache: Cache = True,
    compile: bool = False,
    resume: bool = False,
    registry: Registry | None = None,
    progress: Progress | bool = False,
) -> dict[str, RunResult]:
    """Simulate every run of a scene, or take it from the cache.

    Args:
        scene: The scene.
        seed: Seed of all runs that set none themselves; the scene's if None.
        device: Device to simulate on: auto, cpu, cuda or cuda:N.
        cache: Folder to keep runs and weights in; True for the command line's, False for none.
        compile: Whether to compile the networks of denoisers.
        resume: Whether to resume interrupted training instead of starting again.
        registry: Registry of plugins; the scene's own if None.
        progress: Whether to show progress bars, or what shows them; warnings are Python's if False.

    Returns:
        The runs by name, as in the scene.

    Raises:
        NoisereelError: An error that the user can fix.
    """
    scene, registry = checked_scene(scene, registry)
    if seed is not None:
        scene = changed(scene, [Override("simulate", "seed", Given(seed))])
    plans = plan_runs(scene)
    shown = progress_of(progress)
    data = load_all(scene, registry, lambda warning: shown.warn(str(warning)))
    infos = run_infos(scene, plans, data, registry)
    check_metrics(scene, infos)
    scratch = Scratch()
    ctx = SimulationContext(
        registry=registry,
        store=TrajectoryStore(cache_at(cache), scratch.folder),
        device=find_device(device),
        progress=shown,
        resume=resume,
        compile=Compiler(shown.warn) if compile else uncompiled,
    )
    every = {name: range(len(plan.levels)) for name, plan in plans.items()}
    runs = simulate_runs(scene, plans, data, every, ctx)
    return {name: RunResult(run, infos[name], scene.runs[name], registry, scratch) for name, run in runs.items()}


def sample(
    model: Callable[..., Tensor],
    schedule: Schedule | str,
    sampler: Sampler | str | Sequence[Sampler | str],
    x: Particles,
    *,
    data: Data | NDArray[Any] | Tensor | None = None,
    seed: int = 0,
    registry: Registry | None = None,
) -> Particles:
    """Take particles along a sampler's path with a model alone, without a scene, and return where they end.

    Args:
        model: Estimate of the clean data: a function ``(x, level) -> x0_hat`` of x, shape (n, *event), and its
            `Level`; x0_hat has the shape of x.
        schedule: Signal and noise over time: a schedule, or the name of one.
        sampler: The sampler or its name; of several, each begins where the last one ended.
        x: Particles at the beginning of the path, shape (n, *event); of most samplers this is T, where they are
            Gaussian with standard deviation ``schedule.prior_std()``.
        data: Clean samples, for samplers that use them.
        seed: Seed of the sampler's noise.
        registry: Registry of plugins; the registry of installed packages if None.

    Returns:
        The particles at the end of the path, most often t = 0: an array if x is one, else a tensor on its device.

    Raises:
        UsageError: Something is not what it should be, or the sampler cannot take its path.
        PluginError: The model or the sampler raised, or gives another shape.
    """
    if isinstance(model, Denoiser):
        advice = "bind it first: denoiser.bind(DenoiserContext(data, schedule, device))"
        raise UsageError(f"model: {type(model).__name__} is a denoiser; {advice}")
    if not callable(model) or isinstance(model, type):
        raise UsageError("model: must be a function (x, level) -> x0")
    registry = plugins(registry)
    several = sampler if isinstance(sampler, (list, tuple)) else (sampler,)
    if not several:
        raise UsageError("sampler: name at least one")
    seed = whole_number(seed, "seed", 0, 10**18)
    samplers = [cast(Sampler, build_plugin(one, "sampler", registry)) for one in several]
    tensor = _particles(x)
    known = (Data(tensor[:0]) if data is None else _data(data)).to(tensor.device)
    chosen = cast(Schedule, build_plugin(schedule, "schedule", registry))
    end = sample_particles(as_model(model), chosen, samplers, tensor, data=known, seed=seed)
    return end if isinstance(x, Tensor) else end.cpu().numpy()  # type: ignore[return-value]


def _particles(x: NDArray[Any] | Tensor) -> Tensor:
    """Return particles as a tensor.

    Raises:
        UsageError: They are not an array of finite numbers with an axis for particles.
    """
    if not isinstance(x, (np.ndarray, Tensor)):
        raise UsageError("x: must be an array or a tensor of shape (n, *event)")
    tensor = x.detach().clone() if isinstance(x, Tensor) else as_tensor(x, "x: ")
    if tensor.layout != torch.strided or tensor.is_meta:
        raise UsageError(f"x: must be a dense tensor with content, got {tensor.layout} on {tensor.device}")
    if not tensor.is_floating_point() or tensor.ndim < 2:
        raise UsageError(f"x: must hold floats, shape (n, *event), got {tensor.dtype} of shape {tuple(tensor.shape)}")
    if not bool(torch.isfinite(tensor).all()):
        raise UsageError("x: contains NaN or infinite values")
    return tensor


def _data(data: Data | NDArray[Any] | Tensor) -> Data:
    try:
        known = as_data(data)
        return replace(known, x0=known.x0.float())
    except UsageError as error:
        raise UsageError(f"data: {error}") from error
