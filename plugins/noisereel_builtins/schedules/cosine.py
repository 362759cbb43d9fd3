"""The cosine schedule: the signal falls like a squared cosine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel.contracts.schedule import BetaSchedule

__all__ = ["Cosine"]


class Cosine(BetaSchedule):
    """ᾱ falls like a squared cosine: ᾱ_t = f(t)/f(0) with f(t) = cos²((t/T + s)/(1 + s)·π/2).

    It is nearly linear in the middle. β is capped at 0.999, which only affects the last step or two; without the cap,
    ᾱ_T would be 0.

    References:
        Nichol and Dhariwal (2021), arXiv:2102.09672, Eq. (17).
    """

    steps: int = Field(default=1000, ge=1, le=1_000_000)
    """T, the number of β's."""
    s: float = Field(default=0.008, ge=0, lt=1)
    """Offset that keeps the first β's from being too small."""

    def betas(self) -> NDArray[np.float64]:
        """Return β_t = min(1 − ᾱ_t/ᾱ_{t−1}, 0.999), shape (T,)."""
        u = np.linspace(0, 1, self.steps + 1)
        f = np.square(np.cos((u + self.s) / (1 + self.s) * np.pi / 2))
        return np.clip(1 - f[1:] / f[:-1], 0, 0.999)
