"""The forward process: noise added step by step."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from noisereel.contracts.sampler import Step, StepContext
from noisereel.contracts.schedule import Level, transition

from ..shared.gaussian import gaussian
from ..shared.rising import Rising

__all__ = ["Forward"]


class Forward(Rising):
    """The forward process: the Markov chain q(x_s | x_t) = N(a·x_t, σ²_{s|t}·I) with s noisier than t.

        x_s = a·x_t + σ_{s|t}·z,   a = α_s/α_t,   σ²_{s|t} = σ_s² − a²·σ_t²

    ``every: 5`` replaces five Gaussian steps by the one that they compose into: the same law, but not the same numbers.
    Each particle follows one path of noise; in ``forward-jump`` the noise at each time is independent.

    References:
        Ho et al. (2020), arXiv:2006.11239, Eq. (2).
    """

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Draw x_s given x_t for a noisier s."""
        a, variance = transition(t, s)
        x_s, z = gaussian(x.mul(a), math.sqrt(variance), ctx)
        return Step(x_s, noise=z)
