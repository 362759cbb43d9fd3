"""Karras et al.'s noise levels: a power of σ rises linearly."""

from __future__ import annotations

from pydantic import Field

from ..spacings.levels import power_ramp
from .exploding import Exploding

__all__ = ["EDM"]


class EDM(Exploding):
    """σ^{1/ρ} rises linearly from σ_1 = σ_min to σ_T = σ_max, with α = 1: more steps at low noise.

        σ_t = (σ_min^{1/ρ} + (t−1)/(T−1)·(σ_max^{1/ρ} − σ_min^{1/ρ}))^ρ for t ≥ 1,   σ_t = t·σ_min below

    The paper's σ_i is our σ_{T−i}. The spacing ``karras`` visits these levels on any schedule.

    References:
        Karras et al. (2022), arXiv:2206.00364, Eq. (5) and Table 1: σ_min = 0.002, σ_max = 80, ρ = 7.
    """

    steps: int = Field(default=50, ge=2, le=1_000_000)
    """T, the number of steps."""
    sigma_min: float = Field(default=0.002, ge=1e-15, le=1e15)
    """σ at t = 1, in data units."""
    sigma_max: float = Field(default=80.0, ge=1e-15, le=1e15)
    """σ at t = T, in data units; above ``sigma_min``."""
    rho: float = Field(default=7.0, gt=0, allow_inf_nan=False)
    """Concentration of the levels at low noise; 1 spaces σ evenly."""

    def sigma(self, t: float) -> float:
        """Return σ_t, a power of a linear ramp from t = 1 on."""
        if t < 1:
            return t * self.sigma_min
        return power_ramp(self.sigma_min, self.sigma_max, self._past_first(t), self.rho)
