"""Times as given."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from noisereel.contracts.schedule import Schedule, Spacing

__all__ = ["Given"]


class Given(Spacing):
    """Exactly these times: ``{times: [1000, 600, 250, 0]}``, whatever ``steps`` says.

    The first is where particles begin, the last where they stop: above 0 they keep some of their noise.
    """

    primary: ClassVar[str] = "values"

    values: tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...] = Field(min_length=2, max_length=1_000_001)
    """The times to visit, falling."""

    @field_validator("values")
    @classmethod
    def _falling(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        for before, now in pairwise(values):
            if now >= before:
                raise ValueError(f"times must fall, but {now:g} follows {before:g}")
        return values

    def times(self, schedule: Schedule, steps: int, start: float) -> tuple[float, ...]:
        """The times given.

        Raises:
            ValueError: One lies beyond start.
        """
        if self.values[0] > start:
            raise ValueError(f"times must be at most {start:g}, where particles begin, got {self.values[0]:g}")
        return self.values
