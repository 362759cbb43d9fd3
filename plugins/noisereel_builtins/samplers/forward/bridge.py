"""Bridges: the forward process conditioned on its end."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from noisereel.contracts.dataset import Data
from noisereel.contracts.sampler import Step, StepContext
from noisereel.contracts.schedule import Level, transition

from ..shared.gaussian import gaussian
from ..shared.rising import Rising

__all__ = ["Bridge"]

_ROUNDING = 1e-12  # share of the noise at x_u below which no noise is left to add


class Bridge(Rising):
    """The forward process conditioned on its end x_u: draws x_s from q(x_s | x_t, x_u), t < s ≤ u.

        x_s = (σ²_{u|s}·a_{s|t}·x_t + a_{u|s}·σ²_{s|t}·x_u)/σ²_{u|t} + √(σ²_{s|t}·σ²_{u|s}/σ²_{u|t})·z

    with the forward kernels q(x_s | x_t) = N(a_{s|t}·x_t, σ²_{s|t}·I) and u = ``until``, or T if None. With ``end``,
    all particles end at that point. Without it, the end of each particle is drawn from q(x_u | x_t) at the start, and
    the paths have the law of ``forward``.

    References:
        Ho et al. (2020), arXiv:2006.11239, Eq. (6), for three times of one chain; Brownian bridge for a random walk.
    """

    end: tuple[Annotated[float, Field(ge=-1e15, le=1e15)], ...] | None = None
    """x_u, one number per coordinate; drawn for each particle if None."""

    needs: ClassVar[frozenset[str]] = frozenset()

    def check(self, data: Data) -> str | None:
        """Return a message if the end does not have the coordinates of a sample, else None."""
        return self._size_error(math.prod(data.event_shape))

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Draw x_s at a noisier level.

        Raises:
            ValueError: The end and the particles have different numbers of coordinates.
        """
        u = ctx.schedule.at(ctx.schedule.T if self.until is None else self.until)
        x_u = self._ends(x, t, u, ctx) if carry is None else carry
        both = transition(t, u)
        if s.t == u.t or both.variance <= _ROUNDING * u.sigma**2:
            return Step(x_u.clone(), carry=x_u)
        first, second = transition(t, s), transition(s, u)
        on_x, on_x_u = second.variance * first.a / both.variance, second.a * first.variance / both.variance
        mean = x.mul(on_x).add_(x_u, alpha=on_x_u)
        x_s, z = gaussian(mean, math.sqrt(first.variance * second.variance / both.variance), ctx)
        return Step(x_s, noise=z, carry=x_u)

    def _ends(self, x: Tensor, t: Level, u: Level, ctx: StepContext) -> Tensor:
        """Return x_u of each particle, shape (n, *event)."""
        if self.end is None:
            a, variance = transition(t, u)
            return x.mul(a).add_(ctx.draw(x, "end"), alpha=math.sqrt(variance))
        if message := self._size_error(x[0].numel()):
            raise ValueError(message)
        return torch.tensor(self.end, dtype=x.dtype, device=x.device).reshape(x.shape[1:]).expand_as(x)

    def _size_error(self, count: int) -> str | None:
        """Return a message if the end does not have this many coordinates, else None."""
        if self.end is None or len(self.end) == count:
            return None
        return f"'end' must have {count} numbers, one per coordinate, got {len(self.end)}"
