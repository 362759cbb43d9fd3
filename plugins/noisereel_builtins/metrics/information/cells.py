"""Counting points in cells, for entropy and KL divergence."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["cell_of", "expected_entropy", "percentiles", "plug_in_entropy", "uncountable"]

_DENSE = 2**16  # with more cells than this, sorting the points is faster than one counter per cell


def uncountable(event_shape: tuple[int, ...]) -> str | None:
    """Return the reason why samples of this shape cannot be counted in cells, or None."""
    if len(event_shape) == 1 and event_shape[0] <= 3:
        return None
    shape = "×".join(map(str, event_shape))
    return f"entropy and kl count points of 1, 2 or 3 dimensions in cells, but a sample here is {shape} numbers"


def percentiles(x: Tensor) -> Tensor:
    """Return Φ(x), the standard normal distribution function: N(0, I) becomes uniform in the unit cube."""
    u: Tensor = torch.special.ndtr(x)
    return u


def cell_of(u: Tensor, bins: int) -> Tensor:
    """Return the index along each axis of the cell of each point of the unit cube, shape (n, D), int64."""
    return (u * bins).clamp_(0, bins - 1).long()


def plug_in_entropy(u: Tensor, bins: int) -> float:
    """Return −Σ p·log₂ p in bits, p the share of points in each of bins^D equal cells of the unit cube.

    Points outside the cube count in the outermost cells. NaN if any coordinate is NaN.

    Args:
        u: Points, shape (n, D).
        bins: Number of cells along each axis.
    """
    if bool(u.isnan().any()):
        return math.nan
    counts = _counts(cell_of(u, bins), bins).double()
    n = len(u)
    return max(math.log2(n) - float(torch.xlogy(counts, counts).sum()) / (n * math.log(2)), 0.0)


def _counts(index: Tensor, bins: int) -> Tensor:
    """Return the number of points in each cell; empty cells may be missing."""
    flat, dimensions = index[:, 0], index.shape[1]
    for d in range(1, dimensions):
        flat = flat * bins + index[:, d]
    return torch.bincount(flat) if bins**dimensions <= _DENSE else torch.unique(flat, return_counts=True)[1]


def expected_entropy(n: int, cells: int) -> float:
    """Return the mean plug-in entropy, in bits, of n independent points that are uniform over the cells.

    Exactly log₂ n − E[log₂(1 + B)], with B ~ Binomial(n−1, 1/cells) the number of other points in a point's cell. For
    n ≫ cells this is Miller and Madow's log₂ cells − (cells−1)/(2n·ln 2); for n ≪ cells the ceiling log₂ n.
    """
    k = torch.arange(n, dtype=torch.float64)
    p = torch.tensor(1 / cells, dtype=torch.float64)
    choose = math.lgamma(n) - torch.lgamma(k + 1) - torch.lgamma(n - k)
    weight = torch.exp(choose + k * p.log() + (n - 1 - k) * torch.log1p(-p))
    return math.log2(n) - float((weight * torch.log2(1 + k)).sum())
