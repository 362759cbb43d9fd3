"""The timestep loop: its cost when the denoiser costs nothing, and the forward process."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import azula.denoise
import azula.noise
import azula.sample
import numpy as np
import torch
from common import Row, compare
from diffusers import DDIMScheduler
from torch import Tensor

from noisereel.contracts.dataset import Data, Dataset, LoadContext
from noisereel.contracts.denoiser import Denoiser, DenoiserContext, Model
from noisereel.contracts.sampler import Sampler
from noisereel.contracts.schedule import Schedule
from noisereel.scene import RunSpec
from noisereel.simulation.plan import plan_acts
from noisereel.simulation.run import Run
from noisereel_builtins.samplers.ancestral.ddim import DDIM
from noisereel_builtins.samplers.forward.forward import Forward
from noisereel_builtins.schedules.linear import Linear

N, STEPS = 10_000, 1000


class Cloud(Dataset):
    """Standard normal points in the plane."""

    def load(self, ctx: LoadContext) -> Data:
        """Return the points, shape (N, 2)."""
        return Data(torch.randn(N, 2, generator=torch.Generator().manual_seed(0)))


class Nothing(Denoiser):
    """A denoiser that costs nothing: x̂_0 is x_t."""

    def bind(self, ctx: DenoiserContext) -> Model:
        """Return the function x ↦ x."""
        return lambda x, level, labels=None: x


def rows() -> Iterator[Row]:
    """Time a DDIM step against two libraries, with few and many particles, and the forward process against NumPy."""
    for n in (100, N):
        ours = _walk(DDIM(), n)
        for name, theirs, target in (("diffusers", _diffusers(n), "8×"), ("azula", _azula(n), "15×")):
            yield Row(f"a DDIM step of {n:,} points, no-op denoiser, {name}", *_per_step(ours, theirs), target)
    forward = compare(_walk(Forward(every=5), N), _numpy_forward)
    yield Row(f"forward, {N:,} points, T = {STEPS:,}, every: 5, numpy's loop", *forward, "15×")
    every_step = compare(_walk(Forward(), N), _numpy_forward)
    yield Row(f"forward, {N:,} points, T = {STEPS:,}, every step, numpy's loop", *every_step, "")


def _per_step(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float]:
    a, b = compare(ours, theirs)
    return a / STEPS, b / STEPS


def _walk(sampler: Sampler, n: int, schedule: Schedule | None = None) -> Callable[[], object]:
    """Return a function that visits all states of a run and keeps none."""
    spec = RunSpec(
        name="run",
        dataset=Cloud(),
        schedule=schedule or Linear(),
        denoiser=Nothing(),
        sampler=(sampler,),
        particles=n,
    )
    data = Cloud().load(None)  # type: ignore[arg-type]
    context = DenoiserContext(data, spec.schedule, torch.device("cpu"))
    run = Run(spec, plan_acts(spec.sampler, spec.schedule), context)

    @torch.no_grad()
    def walk() -> None:
        for _ in run.states():
            pass

    return walk


def _start(n: int) -> Tensor:
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(1))


def _diffusers(n: int) -> Callable[[], object]:
    scheduler = DDIMScheduler(STEPS, clip_sample=False, prediction_type="sample")
    scheduler.set_timesteps(STEPS)

    @torch.no_grad()
    def walk() -> None:
        x = _start(n)
        for t in scheduler.timesteps:
            x = scheduler.step(x, t, x).prev_sample

    return walk


class _Identity(azula.denoise.Denoiser):
    def __init__(self) -> None:
        super().__init__()
        self.schedule = azula.noise.VPSchedule()

    def forward(self, x_t: Tensor, t: Tensor, **kwargs: object) -> azula.denoise.DiracPosterior:
        return azula.denoise.DiracPosterior(x_t)


def _azula(n: int) -> Callable[[], object]:
    sampler = azula.sample.DDIMSampler(_Identity(), steps=STEPS, silent=True)
    return lambda: sampler(_start(n))


def _numpy_forward() -> None:
    """Run the forward process as notebooks do, with NumPy's legacy generator."""
    generator, x = np.random.RandomState(0), _start(N).numpy().astype(np.float64)
    for beta in Linear().betas():
        x = np.sqrt(1 - beta) * x + generator.randn(*x.shape) * np.sqrt(beta)
