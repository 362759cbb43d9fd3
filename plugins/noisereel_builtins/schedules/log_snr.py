"""A schedule whose log-SNR falls linearly."""

from __future__ import annotations

import math
from typing import Self

from pydantic import Field, model_validator

from noisereel.contracts.schedule import Level

from .stepped import Stepped

__all__ = ["LogSNR"]


class LogSNR(Stepped):
    """The log-SNR, ln(α²/σ²), falls linearly from ``highest`` at t = 1 to ``lowest`` at T, with α² + σ² = 1.

        α_t² = 1/(1 + e^{−λ_t}),   σ_t² = 1/(1 + e^{λ_t}),   λ_t = highest + (t−1)/(T−1)·(lowest − highest)

    Below t = 1, σ_t = t·σ_1: the log-SNR of clean data is infinite, so the linear fall must begin later.

    References:
        Kingma et al. (2021), arXiv:2107.00630, section 4 and appendix: linear log-SNR, from 13.3.
    """

    steps: int = Field(default=1000, ge=2, le=1_000_000)
    """T, the number of steps."""
    highest: float = Field(default=13.3, ge=-40, le=40)
    """Log-SNR at t = 1."""
    lowest: float = Field(default=-10.0, ge=-40, le=40)
    """Log-SNR at T, below ``highest``."""

    @model_validator(mode="after")
    def _falling(self) -> Self:
        if self.lowest >= self.highest:
            raise ValueError(f"lowest must be below highest, {self.highest:g}, got {self.lowest:g}")
        return self

    def at(self, t: float) -> Level:
        """Return α_t and σ_t, each from its own logistic function to avoid cancellation."""
        t = self.inside(t)
        share = max(t - 1, 0.0) / (self.steps - 1)
        log_snr = self.highest + share * (self.lowest - self.highest)
        sigma = min(t, 1.0) / math.sqrt(1 + math.exp(log_snr))
        alpha = math.sqrt(1 - sigma**2) if t < 1 else 1 / math.sqrt(1 + math.exp(-log_snr))
        return Level(t, alpha, sigma)
