"""Noise that grows by the same factor in each step."""

from __future__ import annotations

from pydantic import Field

from .exploding import Exploding

__all__ = ["LogLinear"]


class LogLinear(Exploding):
    """σ grows geometrically from σ_1 = σ_min to σ_T = σ_max, with α = 1: the variance-exploding chain.

        σ_t = σ_min·(σ_max/σ_min)^{(t−1)/(T−1)} for t ≥ 1,   σ_t = t·σ_min below

    References:
        Song and Ermon (2019), arXiv:1907.05600, section 4.2; Permenter and Yuan (2023), arXiv:2306.04848, whose
        code gives it this name and these ends.
    """

    sigma_min: float = Field(default=0.02, ge=1e-15, le=1e15)
    """σ at t = 1, in data units."""
    sigma_max: float = Field(default=10.0, ge=1e-15, le=1e15)
    """σ at t = T, in data units; above ``sigma_min``."""

    def sigma(self, t: float) -> float:
        """Return σ_t, geometric from t = 1 on."""
        if t < 1:
            return t * self.sigma_min
        return self.sigma_min * float((self.sigma_max / self.sigma_min) ** self._past_first(t))
