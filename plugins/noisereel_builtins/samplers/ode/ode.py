"""The probability-flow ODE: an adaptive solver, optionally with the density along the paths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from noisereel.contracts.sampler import Sampler, Step, StepContext
from noisereel.contracts.schedule import Level, Schedule

from ..shared.charts import FLOW, level_at
from .density import Velocity

__all__ = ["ODE"]

_STOP = 1e-3  # u at which a step to clean data leaves the ODE, relative to the initial u


class ODE(Sampler):
    """Adaptive solver of the probability-flow ODE: halves a step until each particle's error is within the tolerance.

        dy/du = v̂ = ε̂ − x̂_0,   y = x/(α+σ),   u = σ/(α+σ)

    The Bogacki–Shampine method, third order in u, is applied to the whole step, to its halves, its quarters …; each
    particle keeps the first result within the tolerance, or the finest. The error is estimated as the larger of the
    difference from the second-order companion and a seventh of the distance from the previous result, because either
    alone can vanish by chance. No particle's result depends on the others. A step to clean data stops at a thousandth
    of its initial u and jumps from there to x̂_0.

    ``likelihood`` records, in nats per particle, ``log_det``: ln|det ∂x_t/∂x_start|, from d(log_det)/du = ∇·v̂ along the
    path; and ``log_prior``: ln N(x_start; 0, σ_T²·I), for particles that start from the prior. The log-likelihood of
    x_t is log_prior − log_det. The divergence is exact for up to three coordinates, Hutchinson's estimate for more.

    References:
        Song et al. (2021), arXiv:2011.13456, Eq. (13, 39); Chen et al. (2018), arXiv:1806.07366, theorem 1; Bogacki
        and Shampine (1989), "A 3(2) pair of Runge–Kutta formulas"; Grathwohl et al. (2019), arXiv:1810.01367.
    """

    tolerance: float = Field(default=1e-4, gt=0, allow_inf_nan=False)
    """Maximum error per particle and step: root mean square over its coordinates, in units of α + σ."""
    halvings: int = Field(default=6, ge=0, le=14)
    """Maximum number of halvings of a step (at least one, unless 0); the finest result may miss the tolerance."""
    likelihood: bool = False
    """Follow the density as well; the denoiser must have a gradient."""

    @property
    def aux_names(self) -> Sequence[str]:
        return ("log_det", "log_prior") if self.likelihood else ()

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Take x_t to a cleaner level s.

        Raises:
            ValueError: ``likelihood`` is set, but the denoiser has no gradient.
        """
        velocity = Velocity.of(x, ctx, self.likelihood)
        y = x.flatten(1) / FLOW.scale(t)
        x0 = y.clone()
        if self.likelihood:
            y = torch.cat([y, y.new_zeros(len(y), 1)], 1)
        slope = velocity(y, t)
        x0 = x0.sub_(slope[:, : x0.shape[1]], alpha=FLOW.variable(t)).reshape(x.shape)  # y = x̂_0 + u·v̂
        y = self._solve(y, slope, velocity, t, s, ctx.schedule)
        step = Step(y[:, : x[0].numel()].mul(FLOW.scale(s)).reshape(x.shape), x0)
        if not self.likelihood:
            return step
        increase = y[:, -1] + x[0].numel() * math.log(FLOW.scale(s) / FLOW.scale(t))
        return _with_density(step, x, increase, ctx.schedule, carry)

    def _solve(self, y: Tensor, slope: Tensor, velocity: Velocity, t: Level, s: Level, schedule: Schedule) -> Tensor:
        """Return y at s, given y and its slope at t."""
        end = s if s.sigma > 0 else level_at(FLOW, FLOW.variable(t) * _STOP, schedule)
        out, _ = _integrate(y, slope, velocity, _substeps(t, end, 1, schedule))
        previous, done = out, torch.zeros(len(y), 1, dtype=torch.bool, device=y.device)
        for halvings in range(1, self.halvings + 1):
            result, error = _integrate(y, slope, velocity, _substeps(t, end, 2**halvings, schedule))
            size = torch.maximum(error.abs(), (result - previous).abs() / 7)[:, : math.prod(velocity.event_shape)]
            out, previous = torch.where(done, out, result), result
            done = done | (size.square().mean(1, keepdim=True).sqrt() <= self.tolerance)
            if bool(done.all()):
                break
        return out if s.sigma > 0 else out.sub(velocity(out, end), alpha=FLOW.variable(end))


def _substeps(t: Level, s: Level, parts: int, schedule: Schedule) -> list[Level]:
    """Return the levels of ``parts`` equal steps in u: start, 1/2, 3/4, start, 1/2 … end."""
    begin, end = FLOW.variable(t), FLOW.variable(s)
    fractions = [(i + c) / parts for i in range(parts) for c in (0.0, 0.5, 0.75)][1:]
    return [t, *(level_at(FLOW, begin + fraction * (end - begin), schedule) for fraction in fractions), s]


def _integrate(y: Tensor, slope: Tensor, velocity: Velocity, levels: list[Level]) -> tuple[Tensor, Tensor]:
    """Take Bogacki–Shampine steps, and return y with the sum of their errors.

    Args:
        y: y at the start.
        slope: Slope at the start.
        velocity: Slope at any y and level.
        levels: Start, 1/2 and 3/4 of each step; then the end of the last.
    """
    error = torch.zeros_like(y)
    k1 = slope
    for a, half, three_quarters, b in zip(levels[::3], levels[1::3], levels[2::3], levels[3::3], strict=False):
        h = FLOW.variable(b) - FLOW.variable(a)
        k2 = velocity(y + h / 2 * k1, half)
        k3 = velocity(y + 3 / 4 * h * k2, three_quarters)
        y = y + h / 9 * (2 * k1 + 3 * k2 + 4 * k3)
        k4 = velocity(y, b)
        error += h / 72 * (-5 * k1 + 6 * k2 + 8 * k3 - 9 * k4)
        k1 = k4
    return y, error


def _with_density(step: Step, x: Tensor, increase: Tensor, schedule: Schedule, carry: Any) -> Step:
    """Add ``log_det`` and ``log_prior`` of the state that a step reaches and, at an act's start, of its first state."""
    first = carry is None
    aux = {"log_det": torch.zeros_like(increase), "log_prior": _log_prior(x, schedule)} if first else carry
    next_aux = {**aux, "log_det": aux["log_det"] + increase}
    return Step(step.x, step.x0, carry=next_aux, aux=aux if first else {}, next_aux=next_aux)


def _log_prior(x: Tensor, schedule: Schedule) -> Tensor:
    """Return ln N(x; 0, prior_std²·I) in nats, shape (n,)."""
    z = x.flatten(1) / schedule.prior_std()
    return -(z.square() + math.log(2 * math.pi * schedule.prior_std() ** 2)).sum(1) / 2
