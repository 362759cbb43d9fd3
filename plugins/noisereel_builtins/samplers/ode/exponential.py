"""What exponential integrators in log-SNR share: λ = ln(α/σ), and x̂_0 as a polynomial of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from noisereel.contracts.schedule import Level

__all__ = ["combined", "decay", "half_log_snr", "moments", "weights"]


def half_log_snr(level: Level) -> float:
    """λ = ln(α/σ); +∞ for clean data and −∞ where nothing of the data is left."""
    return level.log_snr / 2


def moments(z: float, count: int) -> list[float]:
    """I_k = ∫_0^1 z·e^{−z(1−v)}·v^k dv for k = 0 … count − 1; all 1 for z = ∞.

    I_k = 1 − k·I_{k−1}/z loses digits where z is small; there it is run backwards, from an I_k small enough to be
    forgotten.
    """
    if z >= 1:
        out = [-math.expm1(-z)]
        for k in range(1, count):
            out.append(1 - k * out[-1] / z)
        return out
    value: float = 0.0
    out = []
    for k in reversed(range(count + 18)):
        value = z * (1 - value) / (k + 1)
        out.append(value)
    return out[: -count - 1 : -1]


def weights(z: float, nodes: Sequence[float]) -> list[float]:
    """w_j with Σ w_j·p(v_j) = ∫_0^1 z·e^{−z(1−v)}·p(v) dv for polynomials p of degree below the number of nodes.

    Args:
        z: How far the exponential falls over the step.
        nodes: v_j, all different: 0 where the step begins, 1 where it ends, negative for what was before.
    """
    powers = np.vander(np.asarray(nodes, np.float64), increasing=True).T
    found: list[float] = np.linalg.solve(powers, moments(z, len(nodes))).tolist()
    return found


def decay(t: Level, s: Level, h: float, kappa: int) -> float:
    """Factor of x_t in x_s: σ_s/σ_t for the ODE (κ = 1), σ_s/σ_t·e^{−h} for the SDE (κ = 2)."""
    return s.sigma / t.sigma * (math.exp(-h) if kappa == 2 else 1.0)


def combined(x: Tensor, factor: float, estimates: Sequence[Tensor], on_them: Sequence[float]) -> Tensor:
    """factor·x + Σ weight·estimate, as a tensor of its own."""
    out = x.mul(factor)
    for estimate, weight in zip(estimates, on_them, strict=True):
        out.add_(estimate, alpha=weight)
    return out
