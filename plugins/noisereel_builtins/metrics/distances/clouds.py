"""Point clouds: row selection, distances along directions, nearest neighbours."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...optional_deps import need

__all__ = ["centred", "counterparts", "flat", "mean_along", "nearest", "some"]

_CHUNK = 1_000_000  # projected coordinates held at once


def flat(x: Tensor) -> Tensor:
    """Return samples as rows, shape (n, D), float64."""
    return x.flatten(1).double()


def centred(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return two clouds relative to the mean of y: far from the origin, distances by matrix products lose digits."""
    centre = y.mean(0)
    return x - centre, y - centre


def some(x: Tensor, most: int) -> Tensor:
    """Return at most ``most`` rows, evenly spaced."""
    return x if len(x) <= most else x[torch.arange(most, device=x.device) * len(x) // most]


def counterparts(x0: Tensor, particles: int) -> Tensor:
    """Return the clean sample that each particle starts from: row i mod n for particle i, shape (particles, *event)."""
    return x0[torch.arange(particles, device=x0.device) % len(x0)]


def mean_along(x: Tensor, y: Tensor, count: int, distance: Callable[[Tensor, Tensor], Tensor]) -> float:
    """Return the distance between two clouds along directions, averaged over the directions.

    Args:
        x: The first cloud, shape (n, D).
        y: The second cloud, shape (m, D).
        count: Number of directions.
        distance: Takes both clouds along k directions, shapes (k, n) and (k, m); returns k distances, shape (k,).
    """
    chunk = max(1, _CHUNK // (len(x) + len(y)))
    chunks = torch.split(_directions(x.shape[1], count, x.device), chunk)
    return float(torch.cat([distance((x @ v.T).T.contiguous(), (y @ v.T).T.contiguous()) for v in chunks]).mean())


def _directions(dimensions: int, count: int, device: torch.device) -> Tensor:
    """Return fixed unit vectors, shape (count, D): evenly spaced in the plane, otherwise random."""
    if dimensions == 1:
        return torch.ones(1, 1, dtype=torch.float64, device=device)
    if dimensions == 2:
        angle = (torch.arange(count, dtype=torch.float64, device=device) + 0.5) * (math.pi / count)
        return torch.stack([angle.cos(), angle.sin()], 1)
    v = torch.randn(count, dimensions, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.normalize(v, dim=1).to(device)


def nearest(x: Tensor, among: Tensor, k: int, metric: str) -> tuple[Tensor, Tensor]:
    """Return the distances to the k nearest points, ascending, and their rows; both of shape (n, k).

    Args:
        x: Points whose neighbours are searched, shape (n, D); all finite.
        among: Points to search, shape (m, D), m ≥ k.
        k: Number of neighbours.
        metric: Name of the metric, for the error message.

    Raises:
        ValueError: scikit-learn is missing.
    """
    neighbors: Any = need("sklearn.neighbors", metric, "scikit-learn")
    if not len(x):  # scikit-learn refuses an empty query
        return x.new_empty(0, k), torch.empty(0, k, dtype=torch.long, device=x.device)
    search = neighbors.NearestNeighbors(n_neighbors=k).fit(among.double().cpu().numpy())
    distances, rows = search.kneighbors(x.double().cpu().numpy())
    return torch.from_numpy(distances).to(x.device), torch.from_numpy(rows).to(x.device)
