"""Schedules given by formulas in continuous time: their base class."""

from __future__ import annotations

from pydantic import Field

from noisereel.contracts.schedule import Schedule

__all__ = ["Stepped"]


class Stepped(Schedule):
    """A schedule with a formula for the level at any time from 0 to ``steps``."""

    steps: int = Field(default=1000, ge=1, le=1_000_000)
    """T, the noisiest time, an integer."""

    @property
    def T(self) -> float:
        """The noisiest time."""
        return float(self.steps)
