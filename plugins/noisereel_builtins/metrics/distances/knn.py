"""Differential entropy from nearest neighbours."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from .clouds import flat, nearest

__all__ = ["gaussian_entropy", "knn_entropy"]


def knn_entropy(x: Tensor, k: int, metric: str) -> float:
    """Return the differential entropy, ψ(n) − ψ(k) + ln V_D + D·E[ln ε], in bits.

    ε is the distance to the k-th neighbour and V_D the volume of the unit ball. Repeated points are merged, because
    their distance 0 would give −∞; at most k points give −∞. NaN if any coordinate is not finite.

    Args:
        x: Points, shape (n, *event).
        k: Rank of the neighbour.
        metric: Name of the metric, for the error message.

    References:
        Kozachenko and Leonenko (1987); Kraskov et al. (2004), arXiv:cond-mat/0305641, Eq. (20), of which it is the
        Euclidean case.
    """
    points = flat(x)
    if not bool(points.isfinite().all()):
        return math.nan
    _, first = np.unique(points.cpu().numpy(), axis=0, return_index=True)
    points = points[np.sort(first)]
    n, d = points.shape
    if n <= k:
        return -math.inf
    distance, _ = nearest(points, points, k + 1, metric)
    ball = d / 2 * math.log(math.pi) - math.lgamma(d / 2 + 1)
    nats = _digamma(n) - _digamma(k) + ball + d * float(distance[:, k].log().mean())
    return nats / math.log(2)


def gaussian_entropy(dimensions: int) -> float:
    """Return the differential entropy of N(0, I) in bits, D/2·log₂(2πe)."""
    return dimensions / 2 * math.log2(2 * math.pi * math.e)


def _digamma(n: int) -> float:
    """Return ψ(n) = 1 + 1/2 + … + 1/(n−1) − γ."""
    return math.fsum(1 / i for i in range(1, n)) - float(np.euler_gamma)
