"""Kullback–Leibler divergence of the particles from the data's exact density."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from noisereel.contracts.dataset import Data
from noisereel.contracts.probe import MeasureContext, Metric, Values
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.schedule import Level
from noisereel.contracts.state import State

from ..distances.clouds import flat
from ..distances.knn import knn_entropy

__all__ = ["KLDensity"]

_NODES = 6  # quadrature nodes along each axis of a cell


class KLDensity(Metric):
    """Kullback–Leibler divergence KL(p ‖ p_t) of the particles, p, from the noisy data's exact density, p_t, in bits.

    In one and two dimensions, p is counted in cells of a grid around the particles and p_t is integrated over each cell
    by quadrature: Σ p·log₂(p/p_t). n exact samples in m occupied cells give about (m − 1)/(2n·ln 2) bits, not 0. In
    more dimensions, it is a Monte Carlo estimate: −H − E log₂ p_t(x), H the particles' entropy from nearest neighbours;
    that may be slightly below 0.

    For data whose density is known: mixture and grid, also standardised.
    """

    gives: ClassVar[tuple[str, ...]] = ("kl_density",)
    unit: ClassVar[str] = "bit"

    bins: int = Field(default=32, ge=2, le=512)
    """Number of cells along each axis, in one and two dimensions."""
    k: int = Field(default=3, ge=1, le=100)
    """Rank of the neighbour that the entropy is estimated from, in more dimensions."""

    def check(self, run: RunInfo) -> str | None:
        return _data_error(run.data)

    def measure(self, state: State, ctx: MeasureContext) -> Values:
        """Return ``kl_density`` in bits; NaN if any particle is not finite.

        Raises:
            ValueError: The data's density is unknown.
        """
        density = ctx.data.density
        if density is None:
            raise ValueError(_data_error(ctx.data))
        x = flat(state.x)
        at_level = lambda points: _log_density(density, points.view(-1, *state.x.shape[1:]), state.level)  # noqa: E731
        if not bool(x.isfinite().all()):
            return {"kl_density": np.asarray(math.nan)}
        bits = self._from_cells(x, at_level) if x.shape[1] <= 2 else self._monte_carlo(x, at_level)
        return {"kl_density": np.asarray(bits)}

    def _from_cells(self, x: Tensor, log_density: Callable[[Tensor], Tensor]) -> float:
        low, high = x.amin(0), x.amax(0)
        width = ((high - low) / self.bins).clamp(min=1e-12)
        cell = ((x - low) / width).long().clamp(max=self.bins - 1)
        cells, counts = torch.unique(cell, dim=0, return_counts=True)
        p = counts.double() / len(x)
        log_q = _log_integrals(low + cells * width, width, log_density)
        return float((p * (p.log() - log_q)).sum()) / math.log(2)

    def _monte_carlo(self, x: Tensor, log_density: Callable[[Tensor], Tensor]) -> float:
        return -knn_entropy(x, self.k, "kl-density") - float(log_density(x).mean()) / math.log(2)


def _data_error(data: Data) -> str | None:
    """Return the reason why the data cannot be used, or None."""
    if data.density is None:
        return "kl-density needs data whose density is known, such as mixture or grid"
    return None


def _log_density(density: Callable[[Tensor, Level], Tensor], x: Tensor, level: Level) -> Tensor:
    """Return ln p_t(x), from the density itself only if it has no logarithm of its own, which does not underflow."""
    exact = getattr(density, "log_density", None)
    log_p: Tensor = density(x, level).log() if exact is None else exact(x, level)
    return log_p


def _log_integrals(corners: Tensor, width: Tensor, log_density: Callable[[Tensor], Tensor]) -> Tensor:
    """Return ln of the density's integrals over boxes, shape (m,), given their lowest corners and common width."""
    nodes, weights = (torch.from_numpy(a).to(corners) for a in np.polynomial.legendre.leggauss(_NODES))
    d = corners.shape[1]
    offsets = torch.cartesian_prod(*[(nodes + 1) / 2] * d).view(-1, d) * width
    node_weights = torch.cartesian_prod(*[weights / 2] * d).view(-1, d).prod(1)
    values = log_density((corners[:, None] + offsets).flatten(0, 1)).view(len(corners), -1)
    return torch.logsumexp(values + node_weights.log(), 1) + width.log().sum()
