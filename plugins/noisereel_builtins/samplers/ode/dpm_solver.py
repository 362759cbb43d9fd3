"""DPM-Solver++: solves the ODE's linear part exactly and extrapolates x̂_0 from the last estimates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from torch import Tensor

from noisereel.contracts.sampler import Sampler, Step, StepContext
from noisereel.contracts.schedule import Level

from ..shared.charts import distinct, is_short
from ..shared.gaussian import gaussian
from .exponential import combined, decay, half_log_snr, moments

__all__ = ["DPMSolver"]


class DPMSolver(Sampler):
    """Multistep DPM-Solver++ of order p in λ = ln(α/σ), h = λ_s − λ_t: one denoiser call per step.

        x_s = σ_s/σ_t·x_t + α_s·∫_0^h e^{u−h}·P(u) du

    P is the polynomial in λ through the last p estimates x̂_0. With m_0 the newest of them, m_i the i-th before it,
    r_i = (length of the i-th previous step)/h, D_1 = (m_0 − m_1)/r_1 and so on, the integral is

        1:  (1 − e^{−h})·m_0, which is ``ddim`` with η = 0
        2M: (1 − e^{−h})·(m_0 + D_1/2), where 1/2 is the limit of I_1/I_0 for small h, as published
        3M: I_0·m_0 + I_1·D_1 + I_2·D_2,   I_0 = 1 − e^{−h}, I_1 = 1 − I_0/h, I_2 = 1 − 2·I_1/h

    ``sde`` solves the reverse SDE in the same way, with 2h instead of h in the I_k, the factor of x_t multiplied by
    e^{−h}, and σ_s·√(1 − e^{−2h})·z added. The first steps have fewer estimates and a lower order; so do the step to
    clean data, x_s = x̂_0, and the step from α_t = 0, because h is infinite there. A step with h = 0 leaves x as it is.

    The published 3M (and diffusers') has I_2/2 instead of I_2 and is second order: ``published: true``. (diffusers' 3M
    for the SDE has yet another coefficient, which does not vanish with h.)

    References:
        Lu et al. (2022), arXiv:2211.01095, Eq. (8), algorithm 2, appendix B; the code of diffusers and
        k-diffusion for 3M.
    """

    order: Literal[1, 2, 3] = 2
    """p, the number of estimates used."""
    sde: bool = False
    """Solve the reverse SDE, with fresh noise in each step, instead of the ODE."""
    published: bool = False
    """Use the published coefficient for order 3, which makes it second order; for comparison."""

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Take x_t to a cleaner level s."""
        x0, lambda_t = ctx.model(x, t), half_log_snr(t)
        estimates = ((lambda_t, x0), *(carry or ()))[: self.order]
        h, kappa = half_log_snr(s) - lambda_t, 1 + self.sde
        one = is_short(t, s) or not math.isfinite(h)
        used = estimates[:1] if one else distinct(estimates, h)
        weights = self._weights(kappa * h, [(value - lambda_t) / h for value, _ in used[1:]])
        mean = combined(x, decay(t, s, h, kappa), [m for _, m in used], [s.alpha * w for w in weights])
        x_s, z = gaussian(mean, s.sigma * math.sqrt(-math.expm1(-2 * h)) if self.sde else 0.0, ctx)
        return Step(x_s, x0, z, carry=carry if is_short(t, s) else estimates if math.isfinite(lambda_t) else None)

    def _weights(self, z: float, earlier: Sequence[float]) -> list[float]:
        """Return the weights of the estimates, newest first; the earlier ones are at −r_1, −r_1 − r_2 in units of h."""
        i0, *rest = moments(z, 1 + len(earlier))
        if not rest:
            return [i0]
        if len(rest) == 1:
            d = i0 / 2 / -earlier[0]
            return [i0 + d, -d]
        i1, i2 = rest[0], rest[1] / 2 if self.published else rest[1]
        near, far = -earlier[0], -earlier[1]
        # Newton's divided differences of P at 0, −near, −far, written out: I_1·P'(0) + I_2·P''(0)/2
        on_near = -(i1 * far + i2) / (near * (far - near))
        on_far = (i1 * near + i2) / (far * (far - near))
        return [i0 - on_near - on_far, on_near, on_far]
