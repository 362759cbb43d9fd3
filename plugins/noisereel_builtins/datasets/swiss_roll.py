"""The swiss roll: a spiral in the plane."""

from __future__ import annotations

import math

import torch
from pydantic import Field

from noisereel.dataset import Data, Dataset, Load

__all__ = ["SwissRoll"]


class SwissRoll(Dataset):
    """Points (t·cos t, t·sin t)/4.5π with t = 1.5π(1 + 2u), u uniform: a spiral within the unit circle.

    The formula is that of scikit-learn's ``make_swiss_roll`` without its third axis. Hue runs along the spiral.

    References:
        Marsland (2009), "Machine Learning: An Algorithmic Perspective", chapter 10.
    """

    n: int = Field(default=10_000, ge=1, le=100_000_000)
    """Number of points."""
    noise: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Standard deviation of Gaussian noise on each coordinate, where the roll's radius is 1."""

    def load(self, ctx: Load) -> Data:
        """Draw the points, shape (n, 2)."""
        u = ctx.draw.uniform(self.n, name="parameter").double()
        t = 1.5 * math.pi * (1 + 2 * u)
        x = torch.stack([t * t.cos(), t * t.sin()], 1) / (4.5 * math.pi)
        if self.noise:
            x += self.noise * ctx.draw.normal(self.n, 2, name="noise")
        return Data(x.float(), hue=u.float())
