"""Explicit times."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from noisereel.contracts.schedule import Schedule, Spacing

__all__ = ["Given"]


class Given(Spacing):
    """An explicit list of times: ``{times: [1000, 600, 250, 0]}``; ``steps`` is ignored.

    Particles start at the first time and stop at the last; if that is above 0, they keep some noise.
    """

    primary: ClassVar[str] = "values"

    values: tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...] = Field(min_length=2, max_length=1_000_001)
    """The times to visit, decreasing."""

    @field_validator("values")
    @classmethod
    def _decreasing(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        for before, now in pairwise(values):
            if now >= before:
                raise ValueError(f"times must decrease, but {now:g} follows {before:g}")
        return values

    def times(self, schedule: Schedule, steps: int, start: float) -> tuple[float, ...]:
        """Return the given times.

        Raises:
            ValueError: The first one is above start.
        """
        if self.values[0] > start:
            raise ValueError(f"times must be at most {start:g}, where particles begin, got {self.values[0]:g}")
        return self.values
