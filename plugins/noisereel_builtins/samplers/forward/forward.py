"""The forward process: noise is added step by step."""

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
    """The Markov chain q(x_s | x_t) = N(a·x_t, σ²_{s|t}·I) from wherever the particles are up to T, s noisier than t.

        x_s = a·x_t + σ_{s|t}·z,   a = α_s/α_t,   σ²_{s|t} = σ_s² − a²·σ_t²

    ``every: 5`` takes five Gaussian steps as the one that they compose into: the same law, not the same numbers.
    Particles move along one path of noise; in ``forward-jump`` each time has noise of its own.

    References:
        Ho et al. (2020), arXiv:2006.11239, Eq. (2).
    """

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Draw x_s given x_t for a noisier s."""
        a, variance = transition(t, s)
        x_s, z = gaussian(x.mul(a), math.sqrt(variance), ctx)
        return Step(x_s, noise=z)
