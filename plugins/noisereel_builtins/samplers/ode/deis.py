"""DEIS: the last noise estimates, continued as a polynomial; Adams–Bashforth where that is in σ/α."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from torch import Tensor

from noisereel.contracts.parametrisation import to_eps
from noisereel.contracts.sampler import Sampler, Step, StepContext
from noisereel.contracts.schedule import Level

from ..shared.charts import SIGMA, regular, straight

__all__ = ["DEIS"]

_POINTS, _POINT_WEIGHTS = np.polynomial.legendre.leggauss(16)


class DEIS(Sampler):
    """Integrates the polynomial P through the last p estimates ε̂, with ς = σ/α: one denoiser call a step, order p.

        x_s/α_s = x_t/α_t + ∫_{ς_t}^{ς_s} P(ς) dς

    ``polynomial: sigma`` makes P a polynomial of ς: Adams and Bashforth's method for steps of any length. With
    ``log-sigma`` it is one of ln ς. The first steps have fewer estimates and a lower order; so has the step into
    clean data, x_s = x̂_0, and the one from α_t = 0.

    References:
        Zhang and Chen (2022), arXiv:2204.13902, Eq. (13 to 15): ρAB-DEIS; with ``log-sigma``, diffusers' DEIS.
    """

    order: Literal[1, 2, 3, 4] = 3
    """p, the number of estimates used; 1 is Euler's method."""
    polynomial: Literal["sigma", "log-sigma"] = "sigma"
    """What the noise estimate is a polynomial of."""

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Take x_t to a cleaner level s."""
        x0 = ctx.model(x, t)
        if not regular(SIGMA, t, s):
            return Step(straight(x, x0, t, s), x0)
        known = ((SIGMA.variable(t), to_eps(x, x0, t)), *(carry or ()))[: self.order]
        x_s = x.mul(s.alpha / t.alpha)
        on_them = self._weights([ratio for ratio, _ in known], SIGMA.variable(s))
        for (_, eps), weight in zip(known, on_them, strict=True):
            x_s.add_(eps, alpha=s.alpha * weight)
        return Step(x_s, x0, carry=known)

    def _weights(self, ratios: Sequence[float], end: float) -> list[float]:
        """∫ of Lagrange's polynomials from ratios[0] to end, by a quadrature that is exact to rounding."""
        begin = ratios[0]
        if self.polynomial == "sigma":
            half = (end - begin) / 2
            nodes, at, measure = ratios, begin + half * (1 + _POINTS), half * _POINT_WEIGHTS
        else:
            half = math.log(end / begin) / 2
            nodes, at = [math.log(ratio / begin) for ratio in ratios], half * (1 + _POINTS)
            measure = half * _POINT_WEIGHTS * begin * np.exp(at)
        return [float(_lagrange(nodes, j, at) @ measure) for j in range(len(nodes))]


def _lagrange(nodes: Sequence[float], j: int, at: np.ndarray[Any, np.dtype[np.float64]]) -> Any:
    """The polynomial that is 1 at node j and 0 at the others."""
    out = np.ones_like(at)
    for k, node in enumerate(nodes):
        if k != j:
            out *= (at - node) / (nodes[j] - node)
    return out
