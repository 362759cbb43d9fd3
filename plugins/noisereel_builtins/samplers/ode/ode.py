"""The probability-flow ODE solved to a tolerance, with the density along it on request."""

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

_STOP = 1e-3  # where to leave the ODE on the way to clean data, in units of u where the step begins


class ODE(Sampler):
    """Each step is halved until its error is within the tolerance, for every particle by itself.

        dy/du = v̂ = ε̂ − x̂_0,   y = x/(α+σ),   u = σ/(α+σ)

    Bogacki and Shampine's step, of third order in u, is taken over the whole of a step, over its halves, its quarters
    …; a particle keeps the first result that is good enough, or the finest. The error is taken as the larger of what
    the second-order companion says and a seventh of the distance from the result before, for either alone can vanish
    by chance. No particle's result depends on others. A step into clean data stops at a thousandth of its u and goes
    from there to x̂_0.

    ``likelihood`` records, in nats for each particle, ``log_det``: ln|det ∂x_t/∂x_start|, from d(log_det)/du = ∇·v̂
    along the path; and ``log_prior``: ln N(x_start; 0, σ_T²·I), where particles of the prior come from. The
    log-likelihood of x_t is log_prior − log_det. The divergence is exact for up to three coordinates, Hutchinson's
    estimate for more.

    References:
        Song et al. (2021), arXiv:2011.13456, Eq. (13, 39); Chen et al. (2018), arXiv:1806.07366, theorem 1; Bogacki
        and Shampine (1989), "A 3(2) pair of Runge–Kutta formulas"; Grathwohl et al. (2019), arXiv:1810.01367.
    """

    tolerance: float = Field(default=1e-4, gt=0, allow_inf_nan=False)
    """Error allowed for each particle and step: root mean square over its coordinates, in units of α + σ."""
    halvings: int = Field(default=6, ge=0, le=14)
    """How often a step may be halved (once at least, unless 0); the finest result stands, whatever its error."""
    likelihood: bool = False
    """Whether to follow the density too; the denoiser must have a gradient."""

    @property
    def aux_names(self) -> Sequence[str]:
        return ("log_det", "log_prior") if self.likelihood else ()

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Take x_t to a cleaner level s.

        Raises:
            ValueError: ``likelihood`` is set, and the denoiser has no gradient.
        """
        velocity = Velocity.of(x, ctx, self.likelihood)
        y = x.flatten(1) / FLOW.scale(t)
        x0 = y.clone()
        if self.likelihood:
            y = torch.cat([y, y.new_zeros(len(y), 1)], 1)
        slope = velocity(y, t)
        x0 = x0.sub_(slope[:, : x0.shape[1]], alpha=FLOW.variable(t)).reshape(x.shape)  # y = x̂_0 + u·v̂
        y = self._solved(y, slope, velocity, t, s, ctx.schedule)
        step = Step(y[:, : x[0].numel()].mul(FLOW.scale(s)).reshape(x.shape), x0)
        if not self.likelihood:
            return step
        grown = y[:, -1] + x[0].numel() * math.log(FLOW.scale(s) / FLOW.scale(t))
        return _with_density(step, x, grown, ctx.schedule, carry)

    def _solved(self, y: Tensor, slope: Tensor, velocity: Velocity, t: Level, s: Level, schedule: Schedule) -> Tensor:
        """y at s, from y and its slope at t."""
        end = s if s.sigma > 0 else level_at(FLOW, FLOW.variable(t) * _STOP, schedule)
        out, _ = _integrated(y, slope, velocity, _divided(t, end, 1, schedule))
        before, done = out, torch.zeros(len(y), 1, dtype=torch.bool, device=y.device)
        for halved in range(1, self.halvings + 1):
            found, error = _integrated(y, slope, velocity, _divided(t, end, 2**halved, schedule))
            size = torch.maximum(error.abs(), (found - before).abs() / 7)[:, : math.prod(velocity.event_shape)]
            out, before = torch.where(done, out, found), found
            done = done | (size.square().mean(1, keepdim=True).sqrt() <= self.tolerance)
            if bool(done.all()):
                break
        return out if s.sigma > 0 else out.sub(velocity(out, end), alpha=FLOW.variable(end))


def _divided(t: Level, s: Level, parts: int, schedule: Schedule) -> list[Level]:
    """The levels of ``parts`` equal steps in u: begin, 1/2, 3/4, begin, 1/2 … end."""
    begin, end = FLOW.variable(t), FLOW.variable(s)
    shares = [(i + c) / parts for i in range(parts) for c in (0.0, 0.5, 0.75)][1:]
    return [t, *(level_at(FLOW, begin + share * (end - begin), schedule) for share in shares), s]


def _integrated(y: Tensor, slope: Tensor, velocity: Velocity, levels: list[Level]) -> tuple[Tensor, Tensor]:
    """y after Bogacki and Shampine's steps, and their error added up.

    Args:
        y: Where the steps begin.
        slope: The slope there.
        velocity: The slope anywhere.
        levels: Of each step the begin, 1/2 and 3/4; then the end of the last.
    """
    error = torch.zeros_like(y)
    k1 = slope
    for a, half, late, b in zip(levels[::3], levels[1::3], levels[2::3], levels[3::3], strict=False):
        h = FLOW.variable(b) - FLOW.variable(a)
        k2 = velocity(y + h / 2 * k1, half)
        k3 = velocity(y + 3 / 4 * h * k2, late)
        y = y + h / 9 * (2 * k1 + 3 * k2 + 4 * k3)
        k4 = velocity(y, b)
        error += h / 72 * (-5 * k1 + 6 * k2 + 8 * k3 - 9 * k4)
        k1 = k4
    return y, error


def _with_density(step: Step, x: Tensor, grown: Tensor, schedule: Schedule, carry: Any) -> Step:
    """The step with ``log_det`` and ``log_prior`` of the state it reaches, and at an act's start of that one too."""
    first = carry is None
    so_far = {"log_det": torch.zeros_like(grown), "log_prior": _log_prior(x, schedule)} if first else carry
    reached = {**so_far, "log_det": so_far["log_det"] + grown}
    return Step(step.x, step.x0, carry=reached, aux=so_far if first else {}, next_aux=reached)


def _log_prior(x: Tensor, schedule: Schedule) -> Tensor:
    """ln N(x; 0, prior_std²·I) in nats, shape (n,)."""
    z = x.flatten(1) / schedule.prior_std()
    return -(z.square() + math.log(2 * math.pi * schedule.prior_std() ** 2)).sum(1) / 2
