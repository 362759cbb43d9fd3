"""Times at which the log-SNR rises linearly."""

from __future__ import annotations

from pydantic import Field

from noisereel.contracts.schedule import Schedule, Spacing

from .levels import cleanest, times_at

__all__ = ["LogSNR"]


class LogSNR(Spacing):
    """Times at which ln(α²/σ²) rises linearly from start to t = 1 (or start/1000 if start ≤ 1); then 0.

    The log-SNR is infinite for clean data, and on a flow also at T, so it is clipped to [−clip, clip], but the first
    time is still start. Multistep solvers in log-SNR, such as DPM-Solver++, work best with it.

    References:
        Lu et al. (2022), arXiv:2206.00927, appendix D.4.
    """

    clip: float = Field(default=20.0, gt=0, le=60)
    """Upper limit of |ln(α²/σ²)| for the levels."""

    def times(self, schedule: Schedule, steps: int, start: float) -> tuple[float, ...]:
        """Return ``steps`` + 1 times from start to 0.

        Raises:
            ValueError: The schedule has too few distinct levels.
        """
        levels = schedule.at(start), cleanest(schedule, start)
        low, high = (min(max(level.log_snr, -self.clip), self.clip) for level in levels)
        return times_at(schedule, [low + k / (steps - 1) * (high - low) for k in range(1, steps)], start)
