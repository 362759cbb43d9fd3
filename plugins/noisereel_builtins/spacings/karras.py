"""Karras et al.'s noise levels, on any schedule."""

from __future__ import annotations

import math

from pydantic import Field

from noisereel.contracts.schedule import Schedule, Spacing

from .levels import cleanest, log_snr_of, power_ramp, times_at

__all__ = ["Karras"]


class Karras(Spacing):
    """Times at which (σ/α)^{1/ρ} falls linearly from start to t = 1 (or start/1000 if start ≤ 1); then 0.

        σ_k/α_k = (max^{1/ρ} + k/(n−1)·(min^{1/ρ} − max^{1/ρ}))^ρ,   k = 0 … n−1

    If σ/α at start is above ``sigma_max`` (on a flow it is infinite), the levels begin at ``sigma_max``, but the first
    time is still start.

    References:
        Karras et al. (2022), arXiv:2206.00364, Eq. (5).
    """

    rho: float = Field(default=7.0, gt=0, allow_inf_nan=False)
    """Concentration of the levels at low noise; 1 spaces σ/α evenly."""
    sigma_max: float = Field(default=1000.0, gt=0, allow_inf_nan=False)
    """Upper limit of σ/α for the levels."""

    def times(self, schedule: Schedule, steps: int, start: float) -> tuple[float, ...]:
        """Return ``steps`` + 1 times from start to 0.

        Raises:
            ValueError: The schedule has too few distinct levels.
        """
        ratios = [math.exp(-level.log_snr / 2) for level in (schedule.at(start), cleanest(schedule, start))]
        high, low = (min(ratio, self.sigma_max) for ratio in ratios)
        inner = [power_ramp(high, low, k / (steps - 1), self.rho) for k in range(1, steps)]
        return times_at(schedule, [log_snr_of(ratio) for ratio in inner], start)
