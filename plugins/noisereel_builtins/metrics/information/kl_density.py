"""Kullback–Leibler divergence of the particles from the data's exact density."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from noisereel.contracts.dataset import Data
from noisereel.contracts.probe import MeasureContext, Metric
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.state import State

from ..distances.clouds import flat
from ..distances.knn import knn_entropy

__all__ = ["KLDensity"]

_NODES = 6  # of the quadrature, along each axis of a cell


class KLDensity(Metric):
    """KL(p ‖ p_t), p the particles and p_t the exact density of the noisy data, in bits: are they where they should be?

    In one and two dimensions p is counted in cells of a grid around the particles and p_t integrated over each by
    quadrature: Σ p·log₂(p/p_t). n faultless particles in m occupied cells give about (m − 1)/(2n·ln 2) bit, not 0. In
    more, by Monte Carlo: −H − E log₂ p_t(x), H their entropy from nearest neighbours; that may be a little below 0.

    For data whose density is known: mixture, grid, and those standardised.
    """

    gives: ClassVar[tuple[str, ...]] = ("kl_density",)
    unit: ClassVar[str] = "bit"

    bins: int = Field(default=32, ge=2, le=512)
    """Cells along each axis, in one and two dimensions."""
    k: int = Field(default=3, ge=1, le=100)
    """Which neighbour the entropy is taken from, in more."""

    def check(self, run: RunInfo) -> str | None:
        return _unfit(run.data)

    def measure(self, state: State, ctx: MeasureContext) -> Mapping[str, NDArray[np.generic]]:
        """``kl_density`` in bits; NaN if any particle is not finite.

        Raises:
            ValueError: The data's density is not known.
        """
        density = ctx.data.density
        if density is None:
            raise ValueError(_unfit(ctx.data))
        x = flat(state.x)
        at_level = lambda points: density(points.view(-1, *state.x.shape[1:]), state.level)  # noqa: E731
        if not bool(x.isfinite().all()):
            return {"kl_density": np.asarray(math.nan)}
        bits = self._counted(x, at_level) if x.shape[1] <= 2 else self._monte_carlo(x, at_level)
        return {"kl_density": np.asarray(bits)}

    def _counted(self, x: Tensor, density: Callable[[Tensor], Tensor]) -> float:
        low, high = x.amin(0), x.amax(0)
        width = ((high - low) / self.bins).clamp(min=1e-12)
        cell = ((x - low) / width).long().clamp(max=self.bins - 1)
        cells, counts = torch.unique(cell, dim=0, return_counts=True)
        p = counts.double() / len(x)
        q = _integrals(low + cells * width, width, density)
        return float((p * (p / q).log2()).sum())

    def _monte_carlo(self, x: Tensor, density: Callable[[Tensor], Tensor]) -> float:
        return -knn_entropy(x, self.k, "kl-density") - float(density(x).log2().mean())


def _unfit(data: Data) -> str | None:
    """Why these data do not serve, or None."""
    if data.density is None:
        return "kl-density needs data whose density is known, such as mixture or grid"
    return None


def _integrals(corners: Tensor, width: Tensor, density: Callable[[Tensor], Tensor]) -> Tensor:
    """The density over boxes with these lowest corners, shape (m,), by Gauss–Legendre quadrature."""
    nodes, weights = (torch.from_numpy(a).to(corners) for a in np.polynomial.legendre.leggauss(_NODES))
    d = corners.shape[1]
    places = torch.cartesian_prod(*[(nodes + 1) / 2] * d).view(-1, d) * width
    shares = torch.cartesian_prod(*[weights / 2] * d).view(-1, d).prod(1)
    values = density((corners[:, None] + places).flatten(0, 1)).view(len(corners), -1)
    return values @ shares * width.prod()
