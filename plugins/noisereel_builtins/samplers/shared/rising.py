"""Base classes for samplers from data to noise: a path of increasing times."""

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
    """A sampler whose times increase from the particles' current time (0 at first) to ``until``, always included."""

    needs: ClassVar[frozenset[str]] = frozenset()

    every: int = Field(default=1, ge=1)
    """Time per step, instead of ``steps`` and ``spacing``; the end is reached even if it is not a multiple."""
    until: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Time to stop at; T if None."""

    @model_validator(mode="after")
    def _check_spacing(self) -> Self:
        if self.every > 1 and (self.steps is not None or self.spacing is not None):
            raise ValueError("give either 'every' or 'steps' and 'spacing', not both")
        return self

    def path(self, schedule: Schedule, start: float | None) -> Sequence[float]:
        """Return increasing times from ``start`` (0 if None) to ``until``, or T.

        Raises:
            ValueError: The end is not between the start and T.
        """
        begin, end = start or 0.0, float(schedule.T if self.until is None else self.until)
        if self.until is not None and not begin < end <= schedule.T:
            raise ValueError(f"'until' must be above {begin:g} and at most T = {schedule.T:g}, got {end:g}")
        return sorted({begin, end, *(t for t in self._between(schedule, begin, end) if begin < t < end)})

    def _between(self, schedule: Schedule, begin: float, end: float) -> Sequence[float]:
        """Return the times to visit in between."""
        if self.spacing is not None:
            return self.spacing.times(schedule, self.steps or max(1, round(end)), end)
        if self.steps is not None:
            return [begin + (end - begin) * k / self.steps for k in range(self.steps)]
        return [begin + k * self.every for k in range(math.ceil((end - begin) / self.every))]


class FromData(Rising):
    """A sampler that uses the clean sample x_0 that each particle came from."""

    needs: ClassVar[frozenset[str]] = frozenset({"data"})

    def origin(self, ctx: StepContext) -> Tensor:
        """Return x_0 of each particle, shape (n, *event).

        Raises:
            ValueError: The run does not start from data.
        """
        if ctx.origin is None:
            raise ValueError("the clean samples that particles came from are not known: start the run from data")
        return ctx.origin
