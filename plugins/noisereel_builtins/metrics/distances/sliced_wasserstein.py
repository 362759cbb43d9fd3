"""Sliced Wasserstein distance between the particles and the data."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from noisereel.contracts.probe import MeasureContext, Metric, Values
from noisereel.contracts.state import State

from .clouds import flat, mean_along

__all__ = ["SlicedWasserstein"]


class SlicedWasserstein(Metric):
    """Sliced Wasserstein distance: how far the particles must move along directions θ to match the data, on average.

        (E_θ ∫|F⁻¹(u) − G⁻¹(u)|^p du)^(1/p)

    F⁻¹ and G⁻¹ are the quantile functions of particles and clean data along θ. In one dimension it is the Wasserstein
    distance itself; in D dimensions, a shift by v gives ‖v‖/√D for p = 2.

    References:
        Bonneel et al. (2015), "Sliced and Radon Wasserstein barycenters of measures".
    """

    gives: ClassVar[tuple[str, ...]] = ("sliced_wasserstein",)

    slices: int = Field(default=64, ge=1, le=10_000)
    """Number of directions."""
    p: int = Field(default=2, ge=1, le=2)
    """Exponent: 1 for the mean distance, 2 for the root mean square."""

    def measure(self, state: State, ctx: MeasureContext) -> Values:
        """Return ``sliced_wasserstein``, in data units. NaN if any particle is not finite."""
        x, y = flat(state.x), flat(ctx.data.x0)
        if not bool(x.isfinite().all()):
            return {"sliced_wasserstein": np.asarray(math.nan)}
        shares, x_rows, y_rows = _matched(len(x), len(y), x.device)

        def cost(x: Tensor, y: Tensor) -> Tensor:
            difference = x.sort().values[:, x_rows] - y.sort().values[:, y_rows]
            return (shares * difference.abs() ** self.p).sum(1)

        return {"sliced_wasserstein": np.asarray(mean_along(x, y, self.slices, cost) ** (1 / self.p))}


def _matched(n: int, m: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return the lengths of the parts of [0, 1] where both samples' quantiles are constant, and their rows there."""
    ends = torch.unique(torch.cat([torch.arange(1, n + 1) * m, torch.arange(1, m + 1) * n]))  # in units of 1/(n·m)
    begins = torch.cat([ends.new_zeros(1), ends[:-1]])
    shares = (ends - begins).double() / (n * m)
    return shares.to(device), (begins // m).to(device), (begins // n).to(device)
