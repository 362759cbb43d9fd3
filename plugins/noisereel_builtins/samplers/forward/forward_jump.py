"""Jumps from the data to each time, with fresh noise."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from noisereel.contracts.sampler import Step, StepContext
from noisereel.contracts.schedule import Level

from ..shared.gaussian import gaussian
from ..shared.rising import FromData

__all__ = ["ForwardJump"]


class ForwardJump(FromData):
    """A fresh draw from q(x_s | x_0) at each time s, regardless of x_t.

        x_s = α_s·x_0 + σ_s·z

    At each time, the law is the same as in ``forward``; from one time to the next, particles shimmer, because only x_0
    connects their positions.

    References:
        Ho et al. (2020), arXiv:2006.11239, Eq. (4).
    """

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Draw x_s given x_0."""
        x_s, z = gaussian(self.origin(ctx).mul(s.alpha), s.sigma, ctx)
        return Step(x_s, noise=z)
