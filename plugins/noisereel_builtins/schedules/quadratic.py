"""The quadratic schedule: √β rises linearly."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .beta_range import BetaRange

__all__ = ["Quadratic"]


class Quadratic(BetaRange):
    """√β rises linearly between two ends, so that noise sets in more gently; also known as "scaled linear".

        β_t = (√β_1 + (√β_T − √β_1)·(t−1)/(T−1))²

    References:
        Rombach et al. (2022), arXiv:2112.10752, whose code names it "linear".
    """

    def betas(self) -> NDArray[np.float64]:
        """Return β_t = (√β_1 + (√β_T − √β_1)·(t−1)/(T−1))², shape (T,)."""
        start, end = self.ends()
        return np.square(np.linspace(math.sqrt(start), math.sqrt(end), self.steps))
