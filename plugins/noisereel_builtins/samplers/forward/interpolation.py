"""Interpolation between data and noise: one ε for all times."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from noisereel.contracts.parametrisation import to_eps
from noisereel.contracts.sampler import Step, StepContext
from noisereel.contracts.schedule import Level

from ..shared.rising import FromData

__all__ = ["Interpolation"]


class Interpolation(FromData):
    """Interpolation between data and noise: x_s = α_s·x_0 + σ_s·ε with one ε per particle, drawn at the start.

    At each time, the law is the same as in ``forward`` and ``forward-jump``. Particles move smoothly over time, on
    ``rectified-flow`` along a straight line. Nothing is random after the start.

    References:
        Liu et al. (2022), arXiv:2209.03003, Eq. (1); Song et al. (2021), arXiv:2010.02502, Eq. (4).
    """

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Take x_t to a noisier level s."""
        x0 = self.origin(ctx)
        if carry is None:
            carry = ctx.draw(x) if t.sigma == 0 else to_eps(x, x0, t)
        return Step(x0.mul(s.alpha).add_(carry, alpha=s.sigma), noise=carry, carry=carry)
