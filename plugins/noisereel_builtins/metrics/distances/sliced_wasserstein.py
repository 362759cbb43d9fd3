"""Sliced Wasserstein distance of the particles from the data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from noisereel.contracts.probe import MeasureContext, Metric
from noisereel.contracts.state import State

from .clouds import flat, mean_along

__all__ = ["SlicedWasserstein"]


class SlicedWasserstein(Metric):
    """(E_θ ∫|F⁻¹(u) − G⁻¹(u)|^p du)^(1/p): how far particles must move, seen along directions θ, to become the data.

    F⁻¹ and G⁻¹ are the quantiles of particles and clean data along θ. In one dimension it is Wasserstein's distance
    itself; in D, a shift by v gives ‖v‖/√D for p = 2.

    References:
        Bonneel et al. (2015), "Sliced and Radon Wasserstein barycenters of measures".
    """

    gives: ClassVar[tuple[str, ...]] = ("sliced_wasserstein",)

    slices: int = Field(default=64, ge=1, le=10_000)
    """Number of directions."""
    p: int = Field(default=2, ge=1, le=2)
    """1: mean distance; 2: root of the mean square."""

    def measure(self, state: State, ctx: MeasureContext) -> Mapping[str, NDArray[np.generic]]:
        """``sliced_wasserstein``, in data units. NaN if any particle is not finite."""
        x, y = flat(state.x), flat(ctx.data.x0)
        if not bool(x.isfinite().all()):
            return {"sliced_wasserstein": np.asarray(math.nan)}
        shares, rows, others = _matched(len(x), len(y), x.device)

        def moved(x: Tensor, y: Tensor) -> Tensor:
            apart = x.sort().values[:, rows] - y.sort().values[:, others]
            return (shares * apart.abs() ** self.p).sum(1)

        return {"sliced_wasserstein": np.asarray(mean_along(x, y, self.slices, moved) ** (1 / self.p))}


def _matched(n: int, m: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Shares of [0, 1] over which neither of two sorted samples changes its quantile, and which row each has there."""
    ends = torch.unique(torch.cat([torch.arange(1, n + 1) * m, torch.arange(1, m + 1) * n]))  # in units of 1/(n·m)
    begins = torch.cat([ends.new_zeros(1), ends[:-1]])
    shares = (ends - begins).double() / (n * m)
    return shares.to(device), (begins // m).to(device), (begins // n).to(device)
