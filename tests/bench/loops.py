"""The timestep loop itself: what it costs when the denoiser costs nothing, and the forward process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

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
from noisereel.scene import RunSpec, SceneDocument
from noisereel.simulation.plan import plan_run
from noisereel.simulation.run import Run
from noisereel_builtins.samplers.ancestral.ddim import DDIM
from noisereel_builtins.samplers.forward.forward import Forward
from noisereel_builtins.schedules.linear import Linear

N, STEPS = 10_000, 1000


class Cloud(Dataset):
    """Standard normal points in the plane."""

    def load(self, ctx: LoadContext) -> Data:
        """The points, shape (N, 2)."""
        return Data(torch.randn(N, 2, generator=torch.Generator().manual_seed(0)))


class Nothing(Denoiser):
    """A denoiser that costs nothing: x̂_0 is x_t."""

    def bind(self, ctx: DenoiserContext) -> Model:
        """x ↦ x."""
        return lambda x, level, labels=None: x


def rows() -> Iterator[Row]:
    """A DDIM step against two libraries', with small and with many particles; the forward process against numpy."""
    for n in (100, N):
        ours = _walk(DDIM(), n)
        for name, theirs, asked in (("diffusers", _diffusers(n), "8×"), ("azula", _azula(n), "15×")):
            yield Row(f"a DDIM step of {n:,} points, no-op denoiser, {name}", *_each(ours, theirs, STEPS), asked)
    forward = compare(_walk(Forward(every=5), N), _numpy_forward)
    yield Row(f"forward, {N:,} points, T = {STEPS:,}, every: 5, numpy's loop", *forward, "15×")
    whole = compare(_walk(Forward(), N), _numpy_forward)
    yield Row(f"forward, {N:,} points, T = {STEPS:,}, every step, numpy's loop", *whole, "")


def _each(ours: Callable[[], object], theirs: Callable[[], object], steps: int) -> tuple[float, float]:
    a, b = compare(ours, theirs)
    return a / steps, b / steps


def _walk(sampler: Sampler, n: int, schedule: Schedule | None = None) -> Callable[[], object]:
    """All states of a run, one after the other, none kept."""
    spec = RunSpec(
        name="run",
        dataset=Cloud(),
        schedule=schedule or Linear(),
        denoiser=Nothing(),
        sampler=(sampler,),
        particles=n,
    )
    run = Run(
        spec,
        plan_run(spec, SceneDocument("", "", Path())),
        DenoiserContext(Cloud().load(None), spec.schedule, torch.device("cpu"), Path()),
    )  # type: ignore[arg-type]

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
    """Every notebook's forward process, drawn by numpy's old generator as there."""
    generator, x = np.random.RandomState(0), _start(N).numpy().astype(np.float64)
    for beta in Linear().betas():
        x = np.sqrt(1 - beta) * x + generator.randn(*x.shape) * np.sqrt(beta)
