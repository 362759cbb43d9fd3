"""Predictions: the meaning of a network's output, and the weights of its errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from torch import Tensor

from ..contracts.schedule import Level

__all__ = ["PREDICTIONS", "Prediction", "weight"]

Number = float | Tensor


@dataclass(frozen=True, slots=True)
class Prediction:
    """The meaning of a network's output F.

    Attributes:
        target: ``target(x0, eps, alpha, sigma)`` returns the value that F is trained to give.
        x0: ``x0(x_t, F, alpha, sigma)`` returns the estimate x̂_0.
        gain: ``gain(alpha, sigma)`` returns |∂x̂_0/∂F|, the factor from an error of F to one of x̂_0.
    """

    target: Callable[[Tensor, Tensor, Number, Number], Tensor]
    x0: Callable[[Tensor, Tensor, float, float], Tensor]
    gain: Callable[[float, float], float]


PREDICTIONS: Mapping[str, Prediction] = MappingProxyType(
    {
        "eps": Prediction(lambda x0, eps, a, s: eps, lambda x, f, a, s: (x - s * f) / a, lambda a, s: s / a),
        "x0": Prediction(lambda x0, eps, a, s: x0, lambda x, f, a, s: f, lambda a, s: 1.0),
        "v": Prediction(
            lambda x0, eps, a, s: a * eps - s * x0,
            lambda x, f, a, s: (a * x - s * f) / (a * a + s * s),
            lambda a, s: s / (a * a + s * s),
        ),
        "velocity": Prediction(
            lambda x0, eps, a, s: eps - x0, lambda x, f, a, s: (x - s * f) / (a + s), lambda a, s: s / (a + s)
        ),
    }
)
"""ε; x_0; v = αε − σx_0 (Salimans and Ho, 2022, arXiv:2202.00512); the flow's velocity ε − x_0 (Liu et al., 2022,
arXiv:2209.03003)."""


def weight(kind: str, level: Level, gain: float, gamma: float, bias: float) -> float:
    """Return the weight of ‖F − target‖² in the loss.

    With λ = ln(α²/σ²), the loss on x̂_0 is weighted by e^λ (``snr``) or min(e^λ, γ) (``min-snr``), the loss on
    ε̂ by 1/(1 + e^{λ−b}) (``sigmoid``), and the loss on F itself by 1 (``simple``).

    References:
        Ho et al. (2020), arXiv:2006.11239, Eq. (14); Hang et al. (2023), arXiv:2303.09556, Eq. (8); Hoogeboom et al.
        (2024), arXiv:2410.19324, Eq. (7).
    """
    if kind == "simple":
        return 1.0
    snr = math.exp(level.log_snr)
    on_x0 = {"snr": snr, "min-snr": min(snr, gamma), "sigmoid": snr / (1 + snr * math.exp(-bias))}
    return on_x0[kind] * gain**2
