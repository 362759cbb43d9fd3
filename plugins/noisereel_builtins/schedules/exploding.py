"""What schedules share that leave the signal as it is and let the noise grow."""

from __future__ import annotations

from abc import abstractmethod
from typing import Self

from pydantic import Field, model_validator

from noisereel.contracts.schedule import Level

from .stepped import Stepped

__all__ = ["Exploding"]


class Exploding(Stepped):
    """α = 1; σ from ``sigma_min`` to ``sigma_max``. A reverse process starts from N(0, σ_T²)."""

    steps: int = Field(default=1000, ge=2, le=1_000_000)
    """T, the number of steps."""
    sigma_min: float = Field(default=0.01, gt=0, allow_inf_nan=False)
    """The smallest noise, in data units."""
    sigma_max: float = Field(default=50.0, gt=0, allow_inf_nan=False)
    """The largest noise, in data units; above ``sigma_min``."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.sigma_max <= self.sigma_min:
            raise ValueError(f"sigma_max must be above sigma_min, {self.sigma_min:g}, got {self.sigma_max:g}")
        return self

    @abstractmethod
    def sigma(self, t: float) -> float:
        """σ_t for t in [0, T], 0 at t = 0."""

    def at(self, t: float) -> Level:
        """α_t = 1 and σ_t."""
        t = self._inside(t)
        return Level(t, 1.0, self.sigma(t))

    def prior_std(self) -> float:
        """σ_T."""
        return self.at(self.T).sigma

    def _past_first(self, t: float) -> float:
        """How far t lies between t = 1, where a paper's σ_min sits, and T: from 0 to 1."""
        return (t - 1) / (self.steps - 1)
