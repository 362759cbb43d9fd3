"""Times at which the log-SNR rises evenly."""

from __future__ import annotations

from pydantic import Field

from noisereel.contracts.schedule import Schedule, Spacing

from .levels import cleanest, times_at

__all__ = ["LogSNR"]


class LogSNR(Spacing):
    """Times at which ln(α²/σ²) rises evenly from start to t = 1 (to start/1000 where start ≤ 1); then 0.

    The log-SNR is infinite at clean data, and on a flow at T too, so it is clipped to [−clip, clip]; the first time
    is start all the same. Multistep solvers in log-SNR, such as DPM-Solver++, are at their best on it.

    References:
        Lu et al. (2022), arXiv:2206.00927, appendix D.4.
    """

    clip: float = Field(default=20.0, gt=0, le=60)
    """The largest |ln(α²/σ²)| that levels are spaced between."""

    def times(self, schedule: Schedule, steps: int, start: float) -> tuple[float, ...]:
        """``steps`` + 1 times from start to 0.

        Raises:
            ValueError: The schedule does not tell the levels apart.
        """
        levels = schedule.at(start), cleanest(schedule, start)
        low, high = (min(max(level.log_snr, -self.clip), self.clip) for level in levels)
        return times_at(schedule, [low + k / (steps - 1) * (high - low) for k in range(1, steps)], start)
