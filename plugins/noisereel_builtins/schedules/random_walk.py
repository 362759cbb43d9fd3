"""A random walk: noise accumulates, the signal stays."""

from __future__ import annotations

import math

from pydantic import Field

from noisereel.contracts.schedule import Level

from .stepped import Stepped

__all__ = ["RandomWalk"]


class RandomWalk(Stepped):
    """A random walk (variance exploding), whose steps have equal variance: x_t = x_0 + step_std·√t·ε.

    A reverse process starts from N(0, σ_T²), which is close to the true distribution at T only if the data is small
    compared with σ_T.

    References:
        Song et al. (2021), arXiv:2011.13456, section 3.4, for variance-exploding processes in general.
    """

    steps: int = Field(default=50, ge=1, le=1_000_000)
    """T, the number of steps."""
    step_std: float = Field(default=1.0, ge=1e-15, le=1e12)
    """Standard deviation of one step, in data units."""

    def at(self, t: float) -> Level:
        """Return α_t = 1 and σ_t = step_std·√t."""
        t = self.inside(t)
        return Level(t, 1.0, self.step_std * math.sqrt(t))

    def prior_std(self) -> float:
        """Return σ_T."""
        return self.at(self.T).sigma
