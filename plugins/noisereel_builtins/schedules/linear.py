"""The linear schedule: β rises linearly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .beta_range import BetaRange

__all__ = ["Linear"]


class Linear(BetaRange):
    """β rises linearly between two ends: β_t = β_1 + (β_T − β_1)·(t−1)/(T−1).

    References:
        Ho et al. (2020), arXiv:2006.11239, section 4.
    """

    def betas(self) -> NDArray[np.float64]:
        """Return β_t = β_1 + (β_T − β_1)·(t−1)/(T−1), shape (T,)."""
        return np.linspace(*self.ends(), self.steps)
