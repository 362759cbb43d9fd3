"""UniPC: a multistep predictor, corrected with the estimate that the next step needs anyway."""

from __future__ import annotations

import math
from typing import Any, Literal

from torch import Tensor

from noisereel.contracts.sampler import Sampler, Step, StepContext
from noisereel.contracts.schedule import Level

from ..shared.charts import distinct, is_short, straight
from .exponential import combined, decay, half_log_snr, weights

__all__ = ["UniPC"]

Estimates = tuple[tuple[float, Tensor], ...]


class UniPC(Sampler):
    """Multistep predictor–corrector in λ = ln(α/σ), h = λ_s − λ_t, for x̂_0, of orders p and p + 1: together p + 1.

        x_s = σ_s/σ_t·x_t + α_s·∫_0^h e^{u−h}·P(u) du

    For the predictor, P is the polynomial in λ through the last p estimates of x̂_0; for the corrector, through these
    and the one at s. The next step computes that estimate, so a step costs one denoiser call: it first corrects its
    x_t, then predicts x_s. The predicted x is recorded. The last step is not corrected; if it ends at clean data, its
    result is x̂_0. A step with h = 0 leaves x as it is.

    With two estimates in P, their difference has half the weight of P's value, the limit for small h, as published.
    Otherwise the paper's function B(h) cancels.

    References:
        Zhao et al. (2023), arXiv:2302.04867, algorithms 5 to 8, with B_2(h) = e^h − 1.
    """

    order: Literal[1, 2, 3] = 2
    """p, the number of estimates used by the predictor."""

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Correct x_t, then predict x_s at a cleaner level."""
        x0, lambda_t = ctx.model(x, t), half_log_snr(t)
        if is_short(t, s):
            return Step(straight(x, x0, t, s), x0, carry=carry)
        current, earlier = (lambda_t, x0), ()
        if carry is not None:
            previous_x, previous_level, earlier = carry
            x = _advance(previous_x, previous_level, t, (*earlier, current))
        estimates: Estimates = (current, *earlier)[: self.order]
        if not math.isfinite(lambda_t):
            return Step(_advance(x, t, s, estimates[:1]), x0)
        used = estimates if s.sigma > 0 else estimates[:1]
        return Step(_advance(x, t, s, used), x0, carry=(x, t, estimates))


def _advance(x: Tensor, t: Level, s: Level, estimates: Estimates) -> Tensor:
    """Return x_s given x_t, with P through estimates (λ, x̂_0), of which the first is at t."""
    lambda_t = half_log_snr(t)
    h = half_log_snr(s) - lambda_t
    used = distinct(estimates, h) if math.isfinite(h) else estimates[:1]
    coefficients = _weights(h, [(value - lambda_t) / h for value, _ in used] if math.isfinite(h) else [0.0])
    return combined(x, decay(t, s, h, 1), [m for _, m in used], [s.alpha * w for w in coefficients])


def _weights(h: float, nodes: list[float]) -> list[float]:
    """Return the weights of estimates at these nodes, in units of h from t."""
    if len(nodes) != 2:
        return weights(h, nodes)
    total = -math.expm1(-h)
    return [total - total / 2 / nodes[1], total / 2 / nodes[1]]
