"""What samplers that go from data to noise share: a path that rises."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Self

from pydantic import Field, model_validator
from torch import Tensor

from noisereel.contracts.sampler import Sampler, StepContext
from noisereel.contracts.schedule import Schedule

__all__ = ["FromData", "Rising"]


class Rising(Sampler):
    """Visits rising times, from where the particles are (0 at first) to ``until``, which is always visited."""

    needs: ClassVar[frozenset[str]] = frozenset()

    every: int = Field(default=1, ge=1)
    """Go this far in one step; the end is reached even if it is no multiple. In place of ``steps`` and ``spacing``."""
    until: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Time to stop at; T where left out."""

    @model_validator(mode="after")
    def _one_way_of_spacing(self) -> Self:
        if self.every > 1 and (self.steps is not None or self.spacing is not None):
            raise ValueError("give either 'every' or 'steps' and 'spacing', not both")
        return self

    def path(self, schedule: Schedule, start: float | None) -> Sequence[float]:
        """Rising times from ``start`` (0 where None) to ``until``, or T.

        Raises:
            ValueError: The end does not lie behind the start.
        """
        begin, end = start or 0.0, float(schedule.T if self.until is None else self.until)
        if self.until is not None and not begin < end <= schedule.T:
            raise ValueError(f"'until' must lie above {begin:g} and up to T = {schedule.T:g}, got {end:g}")
        return sorted({begin, end, *(t for t in self._between(schedule, begin, end) if begin < t < end)})

    def _between(self, schedule: Schedule, begin: float, end: float) -> Sequence[float]:
        if self.spacing is not None:
            return self.spacing.times(schedule, self.steps or max(1, round(end)), end)
        if self.steps is not None:
            return [begin + (end - begin) * k / self.steps for k in range(self.steps)]
        return [begin + k * self.every for k in range(math.ceil((end - begin) / self.every))]


class FromData(Rising):
    """Takes each particle from the clean sample that it came from, wherever it is."""

    needs: ClassVar[frozenset[str]] = frozenset({"data"})

    def origin(self, ctx: StepContext) -> Tensor:
        """x_0 of each particle, shape (n, *event).

        Raises:
            ValueError: The run does not start from data.
        """
        if ctx.origin is None:
            raise ValueError("the clean samples that particles came from are not known: start the run from data")
        return ctx.origin
