"""The s-curve: two half circles, joined."""

from __future__ import annotations

import math

import torch
from pydantic import Field

from noisereel.dataset import Data, Dataset, Load

__all__ = ["SCurve"]


class SCurve(Dataset):
    """Points (sin t, sign(t)·(cos t − 1)/2) with t = 3π(u − ½), u uniform: an S within [−1, 1]².

    The formula is that of scikit-learn's ``make_s_curve`` without its third axis, the upright one halved. Hue runs
    along the curve.
    """

    n: int = Field(default=10_000, ge=1, le=100_000_000)
    """Number of points."""
    noise: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Standard deviation of Gaussian noise on each coordinate."""

    def load(self, ctx: Load) -> Data:
        """Draw the points, shape (n, 2)."""
        u = ctx.draw.uniform(self.n, name="parameter").double()
        t = 3 * math.pi * (u - 0.5)
        x = torch.stack([t.sin(), t.sign() * (t.cos() - 1) / 2], 1)
        if self.noise:
            x += self.noise * ctx.draw.normal(self.n, 2, name="noise")
        return Data(x.float(), hue=u.float())
