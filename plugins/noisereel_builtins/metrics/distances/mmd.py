"""Maximum mean discrepancy of the particles from the data."""

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

from .clouds import flat, some

__all__ = ["MMD"]


class MMD(Metric):
    """MMD² = E k(X, X′) − 2·E k(X, Y) + E k(Y, Y′), X particles, Y clean data, k(x, y) = exp(−‖x − y‖²/2h²).

    The unbiased estimate: 0 on average if both are distributed alike, so sometimes a little below. Differences much
    finer than h do not show.

    References:
        Gretton et al. (2012), "A kernel two-sample test", Eq. (3).
    """

    gives: ClassVar[tuple[str, ...]] = ("mmd",)

    bandwidth: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """h; the median distance between data points where left out."""
    most: int = Field(default=2000, ge=2, le=50_000)
    """Particles, and data points, to compare at most: evenly picked."""

    def measure(self, state: State, ctx: MeasureContext) -> Mapping[str, NDArray[np.generic]]:
        """``mmd``, without unit: MMD², not its root. NaN with fewer than two particles or data points."""
        x, y = some(flat(state.x), self.most), some(flat(ctx.data.x0), self.most)
        if min(len(x), len(y)) < 2:
            return {"mmd": np.asarray(math.nan)}
        h = self.bandwidth or float(torch.pdist(some(y, 500)).median()) or 1.0
        return {"mmd": np.asarray(_others(x, h) - 2 * float(_kernel(x, y, h).mean()) + _others(y, h))}


def _kernel(x: Tensor, y: Tensor, h: float) -> Tensor:
    return torch.exp(torch.cdist(x, y).square() / (-2 * h**2))


def _others(x: Tensor, h: float) -> float:
    """Mean of k over pairs of two different rows."""
    n = len(x)
    return (float(_kernel(x, x, h).sum()) - n) / (n * (n - 1))
