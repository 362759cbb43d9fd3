"""Comparing two clouds of points: rows to compare, looks along directions, nearest neighbours."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...optional_deps import need

__all__ = ["counterparts", "flat", "mean_along", "nearest", "some"]

_NUMBERS = 1_000_000  # looked at together


def flat(x: Tensor) -> Tensor:
    """Samples as rows, shape (n, D), float64."""
    return x.flatten(1).double()


def some(x: Tensor, most: int) -> Tensor:
    """At most so many rows, evenly picked."""
    return x if len(x) <= most else x[torch.arange(most, device=x.device) * len(x) // most]


def counterparts(x0: Tensor, particles: int) -> Tensor:
    """The clean sample that each particle starts from: row i mod n for particle i, shape (particles, *event)."""
    return x0[torch.arange(particles, device=x0.device) % len(x0)]


def mean_along(x: Tensor, y: Tensor, count: int, apart: Callable[[Tensor, Tensor], Tensor]) -> float:
    """How far apart two clouds are as seen along directions, on average.

    Args:
        x: One cloud, shape (n, D).
        y: The other, shape (m, D).
        count: Number of directions.
        apart: Of both along k directions, shapes (k, n) and (k, m): how far apart along each, shape (k,).
    """
    together = max(1, _NUMBERS // (len(x) + len(y)))
    along = torch.split(_directions(x.shape[1], count, x.device), together)
    return float(torch.cat([apart((x @ some.T).T.contiguous(), (y @ some.T).T.contiguous()) for some in along]).mean())


def _directions(dimensions: int, count: int, device: torch.device) -> Tensor:
    """Unit vectors, always the same ones, shape (count, D): evenly turned in the plane, else spread at random."""
    if dimensions == 1:
        return torch.ones(1, 1, dtype=torch.float64, device=device)
    if dimensions == 2:
        angle = (torch.arange(count, dtype=torch.float64, device=device) + 0.5) * (math.pi / count)
        return torch.stack([angle.cos(), angle.sin()], 1)
    v = torch.randn(count, dimensions, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.normalize(v, dim=1).to(device)


def nearest(x: Tensor, among: Tensor, k: int, who: str) -> tuple[Tensor, Tensor]:
    """Distances to the k nearest points among others, ascending, and their rows; both of shape (n, k).

    Args:
        x: From where, shape (n, D); all finite.
        among: The others, shape (m, D), m ≥ k.
        k: How many.
        who: The metric that asks.

    Raises:
        ValueError: scikit-learn is missing.
    """
    neighbors: Any = need("sklearn.neighbors", who, "scikit-learn")
    found = neighbors.NearestNeighbors(n_neighbors=k).fit(among.double().cpu().numpy())
    distance, row = found.kneighbors(x.double().cpu().numpy())
    return torch.from_numpy(distance).to(x.device), torch.from_numpy(row).to(x.device)
