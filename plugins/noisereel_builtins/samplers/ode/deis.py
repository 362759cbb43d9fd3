"""DEIS: a polynomial through the last noise estimates, integrated exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from torch import Tensor

from noisereel.contracts.parametrisation import to_eps
from noisereel.contracts.sampler import Sampler, Step, StepContext
from noisereel.contracts.schedule import Level

from ..shared.charts import SIGMA, distinct, is_short, regular, straight

__all__ = ["DEIS"]

_POINTS, _POINT_WEIGHTS = np.polynomial.legendre.leggauss(16)


class DEIS(Sampler):
    """Multistep solver that integrates the polynomial P through the last p estimates ε̂; one denoiser call per step.

        x_s/α_s = x_t/α_t + ∫_{ς_t}^{ς_s} P(ς) dς,   ς = σ/α

    It has order p. With ``polynomial: sigma``, P is a polynomial in ς: the Adams–Bashforth method for steps of any
    length. With ``log-sigma``, it is a polynomial in ln ς. The first steps have fewer estimates and a lower order; so
    do the step to clean data, x_s = x̂_0, and the step from α_t = 0. A step over which the SNR stays the same leaves x/α
    as it is.

    References:
        Zhang and Chen (2022), arXiv:2204.13902, Eq. (13 to 15): ρAB-DEIS; with ``log-sigma``, diffusers' DEIS.
    """

    order: Literal[1, 2, 3, 4] = 3
    """p, the number of estimates used; 1 is Euler's method."""
    polynomial: Literal["sigma", "log-sigma"] = "sigma"
    """Variable of the polynomial."""

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Take x_t to a cleaner level s."""
        x0 = ctx.model(x, t)
        if not regular(SIGMA, t, s):
            return Step(straight(x, x0, t, s), x0)
        if is_short(t, s):
            return Step(straight(x, x0, t, s), x0, carry=carry)
        begin, end = SIGMA.variable(t), SIGMA.variable(s)
        estimates = ((begin, to_eps(x, x0, t)), *(carry or ()))[: self.order]
        used = distinct(estimates, end - begin)
        x_s = x.mul(s.alpha / t.alpha)
        for (_, eps), weight in zip(used, self._weights([ratio for ratio, _ in used], end), strict=True):
            x_s.add_(eps, alpha=s.alpha * weight)
        return Step(x_s, x0, carry=estimates)

    def _weights(self, ratios: Sequence[float], end: float) -> list[float]:
        """Return ∫ of the Lagrange polynomials from ratios[0] to end, by a quadrature that is exact up to rounding."""
        begin = ratios[0]
        if self.polynomial == "sigma":
            half = (end - begin) / 2
            nodes, points, measure = ratios, begin + half * (1 + _POINTS), half * _POINT_WEIGHTS
        else:
            half = math.log(end / begin) / 2
            nodes, points = [math.log(ratio / begin) for ratio in ratios], half * (1 + _POINTS)
            measure = half * _POINT_WEIGHTS * begin * np.exp(points)
        return [float(_lagrange(nodes, j, points) @ measure) for j in range(len(nodes))]


def _lagrange(nodes: Sequence[float], j: int, points: np.ndarray[Any, np.dtype[np.float64]]) -> Any:
    """Return the values of the polynomial that is 1 at node j and 0 at the others."""
    values = np.ones_like(points)
    for k, node in enumerate(nodes):
        if k != j:
            values *= (points - node) / (nodes[j] - node)
    return values
