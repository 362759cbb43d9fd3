"""A schedule whose ᾱ falls along a logistic curve."""

from __future__ import annotations

import math
from typing import Self

from pydantic import Field, model_validator

from noisereel.contracts.schedule import Level

from .stepped import Stepped

__all__ = ["SigmoidAlphaBar"]

_LEAST = 1e-9  # the paper's clip of ᾱ


class SigmoidAlphaBar(Stepped):
    """ᾱ_t = α_t² follows a section of the logistic function, from 1 at t = 0 to 0 (clipped to 1e-9) at T.

        ᾱ_t = (S(end/τ) − S((start + u·(end − start))/τ)) / (S(end/τ) − S(start/τ)),   S(x) = 1/(1 + e^{−x}),   u = t/T

    Not ``sigmoid``, whose β follows the logistic function.

    References:
        Jabri et al. (2022), arXiv:2212.11972, algorithm 1: start = −3, end = 3, τ = 1.
    """

    start: float = Field(default=-3.0, ge=-30, le=30)
    """Start of the section, at t = 0."""
    end: float = Field(default=3.0, ge=-30, le=30)
    """End of the section, at T; above ``start``."""
    tau: float = Field(default=1.0, gt=0, le=100)
    """Temperature τ; below 1 the fall is steeper."""

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"end must be above start, {self.start:g}, got {self.end:g}")
        return self

    def at(self, t: float) -> Level:
        """Return √ᾱ_t and √(1 − ᾱ_t), each from its own side of the curve to avoid cancellation."""
        u = self.inside(t) / self.T
        begin, now, end = (_logistic((self.start + v * (self.end - self.start)) / self.tau) for v in (0.0, u, 1.0))
        left = max((end - now) / (end - begin), _LEAST)
        lost = min((now - begin) / (end - begin), 1 - _LEAST)
        return Level(t, math.sqrt(left), math.sqrt(lost))


def _logistic(x: float) -> float:
    """Return 1/(1 + e^{−x}), for x of any size."""
    return (1 + math.tanh(x / 2)) / 2
