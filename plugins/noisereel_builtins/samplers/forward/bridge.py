"""A bridge: the forward process with both ends given."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from noisereel.contracts.dataset import Data
from noisereel.contracts.sampler import Step, StepContext
from noisereel.contracts.schedule import Level, transition

from ..shared.gaussian import gaussian
from ..shared.rising import Rising

__all__ = ["Bridge"]


class Bridge(Rising):
    """Draws x_s from q(x_s | x_t, x_u): the forward chain on condition that it ends in a given x_u, t < s ≤ u.

        x_s = (σ²_{u|s}·a_{s|t}·x_t + a_{u|s}·σ²_{s|t}·x_u)/σ²_{u|t} + √(σ²_{s|t}·σ²_{u|s}/σ²_{u|t})·z

    with the forward kernels q(x_s | x_t) = N(a_{s|t}·x_t, σ²_{s|t}) and u what ``until`` names, T where it is left out.
    All particles end in one point, each from its own. Where the end is left out, each particle gets one of its own,
    drawn from q(x_u | x_0); the paths are then those of ``forward``, in law.

    References:
        Ho et al. (2020), arXiv:2006.11239, Eq. (6), for three times of one chain; Brown's bridge for a random walk.
    """

    end: tuple[float, ...] | None = None
    """x_u, one number for each coordinate; drawn for each particle where left out."""

    needs: ClassVar[frozenset[str]] = frozenset()

    def check(self, data: Data) -> str | None:
        """The end must have the coordinates of a sample."""
        return self._misfit(math.prod(data.event_shape))

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Draw x_s at a noisier level.

        Raises:
            ValueError: The end has another number of coordinates than the particles.
        """
        end = ctx.schedule.at(ctx.schedule.T if self.until is None else self.until)
        goal = self._goal(x, t, end, ctx) if carry is None else carry
        if s.t == end.t:
            return Step(goal.clone(), carry=goal)
        here, onwards, whole = transition(t, s), transition(s, end), transition(t, end)
        on_x, on_goal = onwards.variance * here.a / whole.variance, onwards.a * here.variance / whole.variance
        mean = x.mul(on_x).add_(goal, alpha=on_goal)
        x_s, z = gaussian(mean, math.sqrt(here.variance * onwards.variance / whole.variance), ctx)
        return Step(x_s, noise=z, carry=goal)

    def _goal(self, x: Tensor, t: Level, end: Level, ctx: StepContext) -> Tensor:
        if self.end is None:
            a, variance = transition(t, end)
            return x.mul(a).add_(ctx.draw(x, "end"), alpha=math.sqrt(variance))
        if message := self._misfit(x[0].numel()):
            raise ValueError(message)
        return torch.tensor(self.end, dtype=x.dtype, device=x.device).reshape(x.shape[1:]).expand_as(x)

    def _misfit(self, count: int) -> str | None:
        """What is wrong with the end's coordinates, if anything."""
        if self.end is None or len(self.end) == count:
            return None
        return f"'end' must have {count} numbers, one a coordinate, got {len(self.end)}"
