"""What schedules given by formulas of continuous time share: how many units of it there are."""

from __future__ import annotations

from pydantic import Field

from noisereel.contracts.schedule import Schedule

__all__ = ["Stepped"]


class Stepped(Schedule):
    """Time runs from 0 to ``steps``; the level at any time in between is known."""

    steps: int = Field(default=1000, ge=1, le=1_000_000)
    """T, the number of whole times."""

    @property
    def T(self) -> float:
        """The number of whole times."""
        return float(self.steps)
