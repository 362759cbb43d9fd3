"""DDIM inversion: from data to noise."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from noisereel.contracts.sampler import Step, StepContext
from noisereel.contracts.schedule import Level

from ..shared.charts import straight
from ..shared.rising import Rising

__all__ = ["DDIMInversion"]


class DDIMInversion(Rising):
    """DDIM (η = 0) from data to noise: finds the noise that DDIM would turn into these particles.

        x_s = α_s·x̂_0(x_t, t) + σ_s·ε̂(x_t, t),   s noisier than t

    It solves the same ODE, to first order in σ/α: going up and back down returns to the start with an error that halves
    when the number of steps doubles. Clean data contains no noise to estimate; wherever the density is smooth, ε̂ tends
    to 0 there, so x_s = α_s·x_0.

    References:
        Song et al. (2021), arXiv:2010.02502, section 4.3 and 5.4; Dhariwal and Nichol (2021), arXiv:2105.05233,
        appendix F.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"denoiser"})

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Take x_t to a noisier level s."""
        if t.sigma == 0:
            return Step(x.mul(s.alpha))
        x0 = ctx.model(x, t)
        return Step(straight(x, x0, t, s), x0)
