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
        """Return √ᾱ_t and √(1 − ᾱ_t), each from its own side of the curve, without cancellation.

        With S(b) − S(a) = sinh((b − a)/2) / (2·cosh(a/2)·cosh(b/2)), a share of the section is a product.
        """
        u = self.inside(t) / self.T
        if u == 0:
            return Level(t, 1.0, 0.0)
        length = (self.end - self.start) / self.tau
        begin, now, end = ((self.start + v * (self.end - self.start)) / self.tau for v in (0.0, u, 1.0))
        common = _log_sinh(length / 2) + _log_cosh(now / 2)
        lost = math.exp(_log_sinh(u * length / 2) + _log_cosh(end / 2) - common)
        left = math.exp(_log_sinh((1 - u) * length / 2) + _log_cosh(begin / 2) - common)
        return Level(t, math.sqrt(min(max(left, _LEAST), 1.0)), math.sqrt(min(lost, 1 - _LEAST)))


def _log_sinh(x: float) -> float:
    """Return ln(2·sinh x) for x ≥ 0 of any size."""
    return x + math.log(-math.expm1(-2 * x)) if x > 0 else -math.inf


def _log_cosh(x: float) -> float:
    """Return ln(2·cosh x) for x of any size."""
    return abs(x) + math.log1p(math.exp(-2 * abs(x)))
