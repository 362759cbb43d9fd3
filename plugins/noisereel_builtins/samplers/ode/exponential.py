"""Exponential integrators in log-SNR: shared parts, with x̂_0 as a polynomial in λ = ln(α/σ)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from noisereel.contracts.schedule import Level

__all__ = ["combined", "decay", "half_log_snr", "moments", "weights"]


def half_log_snr(level: Level) -> float:
    """Return λ = ln(α/σ); +∞ for clean data and −∞ for pure noise."""
    return level.log_snr / 2


def moments(z: float, count: int) -> list[float]:
    """Return I_k = ∫_0^1 z·e^{−z(1−v)}·v^k dv for k = 0 … count − 1; all 1 for z = ∞.

    The recursion I_k = 1 − k·I_{k−1}/z loses digits if z is small; it is then run backwards, from a k so high that the
    initial value does not matter.
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
    """Return w_j with Σ w_j·p(v_j) = ∫_0^1 z·e^{−z(1−v)}·p(v) dv for polynomials p of degree below the number of nodes.

    Args:
        z: Exponent of the decay over the step.
        nodes: v_j, all different: 0 at the start of the step, 1 at its end, negative for earlier estimates.
    """
    powers = np.vander(np.asarray(nodes, np.float64), increasing=True).T
    result: list[float] = np.linalg.solve(powers, moments(z, len(nodes))).tolist()
    return result


def decay(t: Level, s: Level, h: float, kappa: int) -> float:
    """Return the factor of x_t in x_s: σ_s/σ_t for the ODE (κ = 1), σ_s/σ_t·e^{−h} for the SDE (κ = 2)."""
    return s.sigma / t.sigma * (math.exp(-h) if kappa == 2 else 1.0)


def combined(x: Tensor, factor: float, estimates: Sequence[Tensor], coefficients: Sequence[float]) -> Tensor:
    """Return factor·x + Σ coefficient·estimate as a new tensor."""
    out = x.mul(factor)
    for estimate, coefficient in zip(estimates, coefficients, strict=True):
        out.add_(estimate, alpha=coefficient)
    return out
