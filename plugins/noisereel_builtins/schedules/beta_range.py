"""Schedules from one β to another: their base class."""

from __future__ import annotations

from pydantic import Field

from noisereel.contracts.schedule import BetaSchedule

__all__ = ["BetaRange"]

_CAP = 0.999


class BetaRange(BetaSchedule):
    """β_1 … β_T between two ends, by default those that Ho et al. use for T = 1000.

    A default end is scaled by 1000/T (to at most 0.999), so that 50 steps still end in noise.

    References:
        Ho et al. (2020), arXiv:2006.11239, section 4: β_1 = 1e-4, β_T = 0.02.
    """

    steps: int = Field(default=1000, ge=1, le=1_000_000)
    """T, the number of β's."""
    beta_start: float | None = Field(default=None, gt=0, lt=1)
    """β_1; 1e-4 · 1000/T if omitted."""
    beta_end: float | None = Field(default=None, gt=0, lt=1)
    """β_T; 0.02 · 1000/T if omitted."""

    def ends(self) -> tuple[float, float]:
        """Return β_1 and β_T."""
        scale = 1000 / self.steps
        start = min(1e-4 * scale, _CAP) if self.beta_start is None else self.beta_start
        end = min(0.02 * scale, _CAP) if self.beta_end is None else self.beta_end
        return start, end
