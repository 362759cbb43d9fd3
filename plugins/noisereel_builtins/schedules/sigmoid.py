"""The sigmoid schedule: β rises along a logistic curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .beta_range import BetaRange

__all__ = ["Sigmoid"]


class Sigmoid(BetaRange):
    """β follows the logistic function over [−6, 6]: slow at both ends, steep in the middle.

        β_t = start + (end − start)/(1 + e^{−u_t}),   u_t = −6 + 12·(t−1)/(T−1)

    Not the sigmoid schedule of Jabri et al. (2022), whose ᾱ follows the logistic function: that is
    ``sigmoid-alpha-bar``. β_1 and β_T are 1/(1 + e⁶) ≈ 0.25 % of the range inside the two ends.

    References:
        Xu et al. (2022), GeoDiff, arXiv:2203.02923, whose code uses it.
    """

    def betas(self) -> NDArray[np.float64]:
        """Return β_t = start + (end − start)/(1 + e^{−u}), u evenly from −6 to 6, shape (T,)."""
        start, end = self.ends()
        u = np.linspace(-6, 6, self.steps)
        return start + (end - start) / (1 + np.exp(-u))
