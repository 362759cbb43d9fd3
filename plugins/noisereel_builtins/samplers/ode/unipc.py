"""UniPC: a multistep predictor, corrected by the estimate that the next step makes anyway."""

from __future__ import annotations

import math
from typing import Any, Literal

from torch import Tensor

from noisereel.contracts.sampler import Sampler, Step, StepContext
from noisereel.contracts.schedule import Level

from .exponential import combined, decay, half_log_snr, weights

__all__ = ["UniPC"]

Known = tuple[tuple[float, Tensor], ...]


class UniPC(Sampler):
    """Predictor and corrector of orders p and p + 1 in λ = ln(α/σ), h = λ_s − λ_t, for x̂_0: p + 1 together.

        x_s = σ_s/σ_t·x_t + α_s·∫_0^h e^{u−h}·P(u) du

    For the predictor, P is the polynomial of λ through the last p estimates of x̂_0; for the corrector, through these
    and the one at s. That estimate is the next step's, so a step costs one denoiser call: it first corrects the x_t
    where it finds itself, then predicts x_s. What is recorded is the predicted x. The last step is not corrected,
    and leads to x̂_0 if it leads to clean data.

    With two estimates in P, the weight of their difference is half that of P's value, its limit for small h, as
    published. Otherwise the function B(h) of the paper drops out.

    References:
        Zhao et al. (2023), arXiv:2302.04867, algorithms 5 to 8, with B_2(h) = e^h − 1.
    """

    order: Literal[1, 2, 3] = 2
    """p, the number of estimates that the predictor uses."""

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Correct x_t, then predict x_s at a cleaner level."""
        x0, here = ctx.model(x, t), half_log_snr(t)
        now, known = (here, x0), ()
        if carry is not None:
            before, at, known = carry
            x = _moved(before, at, t, (*known, now))
        used: Known = (now, *known)[: self.order]
        if not math.isfinite(here):
            return Step(_moved(x, t, s, used[:1]), x0)
        usable = used if s.sigma > 0 else used[:1]
        return Step(_moved(x, t, s, usable), x0, carry=(x, t, used))


def _moved(x: Tensor, t: Level, s: Level, known: Known) -> Tensor:
    """x_s from x_t with P through the given (λ, x̂_0), the one at t first."""
    here = half_log_snr(t)
    h = half_log_snr(s) - here
    on_them = _weights(h, [(value - here) / h for value, _ in known] if math.isfinite(h) else [0.0])
    return combined(x, decay(t, s, h, 1), [m for _, m in known], [s.alpha * w for w in on_them])


def _weights(h: float, nodes: list[float]) -> list[float]:
    if len(nodes) != 2:
        return weights(h, nodes)
    whole = -math.expm1(-h)
    return [whole - whole / 2 / nodes[1], whole / 2 / nodes[1]]
