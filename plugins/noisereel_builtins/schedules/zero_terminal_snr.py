"""Another schedule, rescaled so that no signal is left at T."""

from __future__ import annotations

import math
from typing import ClassVar

from pydantic import field_validator

from noisereel.contracts.schedule import Level, Schedule

__all__ = ["ZeroTerminalSNR"]


class ZeroTerminalSNR(Schedule):
    """Another schedule, rescaled so that α_T = 0 and α_1 stays the same: ``{zero-terminal-snr: linear}``.

        α'_t = (α_t − α_T)·α_1/(α_1 − α_T),   σ'_t = √(1 − α'_t²),   t ≥ 1

    Up to t = 1 the schedule is unchanged. A model that predicts noise is useless at T: where α = 0, ε̂ does not
    determine x̂_0.

    References:
        Lin et al. (2023), arXiv:2305.08891, algorithm 1.
    """

    primary: ClassVar[str] = "of"

    of: Schedule
    """The schedule to rescale; it must preserve variance, α² + σ² = 1."""

    @field_validator("of")
    @classmethod
    def _can_be_rescaled(cls, of: Schedule) -> Schedule:
        first, last = of.at(1.0), of.at(of.T)
        if abs(last.alpha**2 + last.sigma**2 - 1) > 1e-9:
            raise ValueError("the schedule must preserve variance, alpha² + sigma² = 1 at T")
        if last.alpha >= first.alpha:
            raise ValueError("the schedule must lose signal between t = 1 and T")
        return of

    @property
    def T(self) -> float:
        """The noisiest time, that of the other schedule."""
        return self.of.T

    def at(self, t: float) -> Level:
        """Return the rescaled level; up to t = 1, the other schedule's own."""
        level = self.of.at(t)
        if t <= 1:
            return level
        begin, end = self.of.at(1.0), self.of.at(self.T)
        first, last = begin.alpha, end.alpha
        alpha = (level.alpha - last) * first / (first - last)
        if alpha == 0:
            return Level(t, 0.0, 1.0)
        # 1 − α', from the little that the signals lack of 1: where α' is near 1, the difference would cancel
        lost = (first * _lost(level) - last * _lost(begin)) / (first - last)
        return Level(t, alpha, math.sqrt(lost * (1 + alpha)))


def _lost(level: Level) -> float:
    """Return 1 − α of a level with α² + σ² = 1."""
    return level.sigma**2 / (1 + level.alpha)
