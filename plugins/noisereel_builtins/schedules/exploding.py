"""Variance-exploding schedules: their base class."""

from __future__ import annotations

from abc import abstractmethod
from typing import Self

from pydantic import Field, model_validator

from noisereel.contracts.schedule import Level

from .stepped import Stepped

__all__ = ["Exploding"]


class Exploding(Stepped):
    """A schedule with α = 1 and σ up to ``sigma_max``. A reverse process starts from N(0, σ_T²)."""

    steps: int = Field(default=1000, ge=2, le=1_000_000)
    """T, the number of steps."""
    sigma_min: float = Field(default=0.01, ge=1e-15, le=1e15)
    """Smallest σ, in data units."""
    sigma_max: float = Field(default=50.0, ge=1e-15, le=1e15)
    """Largest σ, in data units; above ``sigma_min``."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.sigma_max <= self.sigma_min:
            raise ValueError(f"sigma_max must be above sigma_min, {self.sigma_min:g}, got {self.sigma_max:g}")
        return self

    @abstractmethod
    def sigma(self, t: float) -> float:
        """Return σ_t for t in [0, T]; 0 at t = 0."""

    def at(self, t: float) -> Level:
        """Return α_t = 1 and σ_t."""
        t = self.inside(t)
        return Level(t, 1.0, self.sigma(t))

    def prior_std(self) -> float:
        """Return σ_T."""
        return self.at(self.T).sigma

    def _past_first(self, t: float) -> float:
        """Return the position of t between t = 1, where the papers have σ_min, and T, from 0 to 1."""
        return (t - 1) / (self.steps - 1)
