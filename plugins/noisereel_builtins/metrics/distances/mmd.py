"""Maximum mean discrepancy between the particles and the data."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from noisereel.contracts.probe import MeasureContext, Metric, Values
from noisereel.contracts.state import State

from .clouds import centred, flat, some

__all__ = ["MMD"]


class MMD(Metric):
    """Squared maximum mean discrepancy between particles X and clean data Y, with a Gaussian kernel of width h.

        MMD² = E k(X, X′) − 2·E k(X, Y) + E k(Y, Y′),   k(x, y) = exp(−‖x − y‖²/2h²)

    The estimate is unbiased: 0 on average if both have the same distribution, so sometimes slightly below 0.
    Differences much finer than h do not show.

    References:
        Gretton et al. (2012), "A kernel two-sample test", Eq. (3).
    """

    gives: ClassVar[tuple[str, ...]] = ("mmd",)

    bandwidth: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """h; the median distance between data points if None."""
    most: int = Field(default=2000, ge=2, le=50_000)
    """Maximum number of particles, and of data points, to compare; evenly spaced."""

    def measure(self, state: State, ctx: MeasureContext) -> Values:
        """Return ``mmd``, without unit: MMD², not its root. NaN with fewer than two particles or data points."""
        x, y = centred(some(flat(state.x), self.most), some(flat(ctx.data.x0), self.most))
        if min(len(x), len(y)) < 2:
            return {"mmd": np.asarray(math.nan)}
        h = self.bandwidth or float(np.median(torch.pdist(some(y, 500)).cpu().numpy())) or 1.0
        return {"mmd": np.asarray(_within(x, h) - 2 * float(_kernel(x, y, h).mean()) + _within(y, h))}


def _kernel(x: Tensor, y: Tensor, h: float) -> Tensor:
    return torch.exp((torch.cdist(x, y) / h).square() / -2)


def _within(x: Tensor, h: float) -> float:
    """Return the mean of k over all pairs of different rows."""
    n = len(x)
    return (float(_kernel(x, x, h).sum()) - n) / (n * (n - 1))
