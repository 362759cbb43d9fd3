"""The variance-preserving SDE: β rises linearly in continuous time."""

from __future__ import annotations

import math
from typing import Self

from pydantic import Field, model_validator

from noisereel.contracts.schedule import Level

from .stepped import Stepped

__all__ = ["VP"]


class VP(Stepped):
    """The variance-preserving SDE with linear β, dx = −½β(u)x du + √β(u) dw, u = t/T, solved exactly.

        β(u) = β_min + u·(β_max − β_min)
        ln α_t = −¼u²·(β_max − β_min) − ½u·β_min,   σ_t² = 1 − α_t²

    The limit of ``linear`` for many steps: β_i ≈ β(i/T)/T. ``steps`` only sets the unit of time.

    References:
        Song et al. (2021), arXiv:2011.13456, Eq. (32, 33) and appendix C: β_min = 0.1, β_max = 20.
    """

    beta_min: float = Field(default=0.1, gt=0, allow_inf_nan=False)
    """β at t = 0, per unit of u."""
    beta_max: float = Field(default=20.0, gt=0, allow_inf_nan=False)
    """β at t = T, per unit of u; at least ``beta_min``."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.beta_max < self.beta_min:
            raise ValueError(f"beta_max must be at least beta_min, {self.beta_min:g}, got {self.beta_max:g}")
        return self

    def at(self, t: float) -> Level:
        """Return α_t and σ_t from the integral of β."""
        u = self.inside(t) / self.T
        log_alpha = -(u**2) * (self.beta_max - self.beta_min) / 4 - u * self.beta_min / 2
        return Level(t, math.exp(log_alpha), math.sqrt(-math.expm1(2 * log_alpha)))
