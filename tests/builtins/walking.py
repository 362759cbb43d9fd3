"""Shared by tests of samplers: contexts, walks along a path, and a Gaussian with its exact denoiser and flow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, pairwise

import pytest
import torch
from torch import Tensor

from noisereel.contracts.dataset import Data
from noisereel.contracts.denoiser import Model
from noisereel.contracts.sampler import DrawLike, Sampler, Step, StepContext
from noisereel.contracts.schedule import Level, Schedule
from noisereel_builtins.schedules.edm import EDM
from noisereel_builtins.schedules.linear import Linear
from noisereel_builtins.schedules.rectified_flow import RectifiedFlow
from noisereel_builtins.schedules.vp import VP

DOUBLE = torch.float64


@dataclass
class Draw:
    """Noise from one seeded generator, with a list of all draws."""

    seed: int = 0

    def __post_init__(self) -> None:
        self.generator = torch.Generator().manual_seed(self.seed)
        self.given: list[Tensor] = []

    def __call__(self, like: Tensor, stream: str = "noise") -> Tensor:
        self.given.append(torch.randn(like.shape, generator=self.generator, dtype=like.dtype))
        return self.given[-1]


def never(like: Tensor, stream: str = "noise") -> Tensor:
    raise AssertionError("no noise may be drawn")


def context(
    schedule: Schedule, draw: DrawLike, model: Model | None = None, origin: Tensor | None = None
) -> StepContext:
    return StepContext(model, draw, Data(torch.zeros(1, 2) if origin is None else origin), origin, None, schedule)


def steps_along(
    sampler: Sampler, x: Tensor, ctx: StepContext, times: Sequence[float] | None = None
) -> list[tuple[Level, Step]]:
    """Return the levels reached and the steps that lead there, along given times or the sampler's own path."""
    steps, carry = [], None
    for t, s in pairwise(sampler.path(ctx.schedule, None) if times is None else times):
        with torch.no_grad():
            step = sampler.step(x, ctx.schedule.at(t), ctx.schedule.at(s), ctx, carry)
        steps.append((ctx.schedule.at(s), step))
        x, carry = step.x, step.carry
    return steps


def walk(sampler: Sampler, x: Tensor, ctx: StepContext, times: Sequence[float] | None = None) -> list[Tensor]:
    """Return the states along the path, including the first."""
    return [x, *(step.x for _, step in steps_along(sampler, x, ctx, times))]


@dataclass(frozen=True)
class Gauss:
    """Data N(mean, variance) in every coordinate, with the exact denoiser and flow."""

    mean: float
    variance: float

    def __call__(self, x: Tensor, level: Level, labels: Tensor | None = None) -> Tensor:
        """Return E[x_0 | x_t], the regression of x_0 on x_t."""
        gain = level.alpha * self.variance / self.noised(level)[1]
        return self.mean + gain * (x - level.alpha * self.mean)

    def noised(self, level: Level) -> tuple[float, float]:
        """Return the mean and variance of x_t."""
        return level.alpha * self.mean, level.alpha**2 * self.variance + level.sigma**2

    def flow(self, x: Tensor, t: Level, s: Level) -> Tensor:
        """Return x_s to which the probability-flow ODE takes x_t: the same quantile."""
        (mean_t, v_t), (mean_s, v_s) = self.noised(t), self.noised(s)
        return mean_s + math.sqrt(v_s / v_t) * (x - mean_t)

    def sample(self, level: Level, n: int, seed: int = 0) -> Tensor:
        """Draw x_t, shape (n, 1), float64."""
        mean, variance = self.noised(level)
        z = torch.randn(n, 1, dtype=DOUBLE, generator=torch.Generator().manual_seed(seed))
        return mean + math.sqrt(variance) * z


DATA = Gauss(1.5, 0.25)
CONTINUOUS = VP(steps=1)
SCHEDULES = {"vp": Linear(steps=20), "ve": EDM(steps=20), "flow": RectifiedFlow(steps=20)}
every_schedule = pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)


def propagated(
    sampler: Sampler, schedule: Schedule, data: Gauss, times: Sequence[float] | None = None
) -> list[tuple[float, float]]:
    """Return the mean and variance of x at every visit, in closed form, for Gaussian data and its exact denoiser.

    Every state is then affine in the first state and in all drawn noise. Row 0 of a batch gives the shift, row 1 starts
    from 1, and row 2 + j gets 1 as the j-th draw: together they determine the whole affine map.
    """
    path = list(sampler.path(schedule, None) if times is None else times)
    draws = Draw()
    walk(sampler, torch.zeros(1, 1, dtype=DOUBLE), context(schedule, draws, data, torch.zeros(1, 1)), path)
    numbers = count(2)

    def impulse(like: Tensor, stream: str = "noise") -> Tensor:
        z = torch.zeros_like(like)
        z[next(numbers)] = 1
        return z

    x = torch.zeros(2 + len(draws.given), 1, dtype=DOUBLE)
    x[1] = 1
    mean, variance = data.noised(schedule.at(path[0]))
    ctx = context(schedule, impulse, data, torch.zeros_like(x))
    moments = []
    for state in walk(sampler, x, ctx, path):
        shift, gain, *noise = (state - state[0]).add(torch.eye(len(x), 1, dtype=DOUBLE) * state[0]).flatten().tolist()
        moments.append((shift + gain * mean, gain**2 * variance + math.fsum(g**2 for g in noise)))
    return moments


def times_between(schedule: Schedule, begin: float, end: float, n: int, *, log_snr: bool) -> list[float]:
    """Return the times of n steps of equal size in t or in log-SNR."""
    if not log_snr:
        return [begin + (end - begin) * k / n for k in range(n + 1)]
    low, high = schedule.at(begin).log_snr, schedule.at(end).log_snr
    return [begin, *(schedule.time_of(low + (high - low) * k / n) for k in range(1, n)), end]


def bent(x: Tensor, level: Level) -> Tensor:
    """Return a smooth, non-linear estimate of x_0."""
    return torch.tanh(x / (1 + level.sigma)) + 0.1 * level.sigma


def started(schedule: Schedule, n: int = 100, at: float | None = None) -> Tensor:
    level = schedule.at(schedule.T if at is None else at)
    z = torch.randn(n, 2, dtype=DOUBLE, generator=torch.Generator().manual_seed(5))
    return z * math.hypot(level.alpha, level.sigma)


MIXTURE = ((0.3, -2.0, 0.09), (0.5, 0.5, 0.25), (0.2, 3.0, 0.04))


def mixture(x: Tensor, level: Level, labels: Tensor | None = None) -> Tensor:
    """Return E[x_0 | x_t] for the 1-D mixture of (weight, mean, variance)."""
    logs, means = [], []
    for weight, mean, variance in MIXTURE:
        gauss = Gauss(mean, variance)
        centre, spread = gauss.noised(level)
        logs.append(math.log(weight / math.sqrt(spread)) - (x - centre) ** 2 / (2 * spread))
        means.append(gauss(x, level))
    return (torch.softmax(torch.stack(logs), 0) * torch.stack(means)).sum(0)


def rows_of(ctx: StepContext, rows: slice, draw: DrawLike) -> StepContext:
    """Return the context of some of the particles."""
    origin = None if ctx.origin is None else ctx.origin[rows]
    return ctx._replace(origin=origin, draw=draw, first_row=rows.start)
