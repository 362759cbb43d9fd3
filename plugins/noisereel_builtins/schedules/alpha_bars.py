"""A schedule given by its ᾱ_t."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from noisereel.contracts.schedule import BetaSchedule

__all__ = ["AlphaBars"]


class AlphaBars(BetaSchedule):
    """A schedule given by ᾱ_1 … ᾱ_T, the shares of data variance left: ``{alpha-bars: [0.9, 0.6, 0.1, 0.01]}``.

    So β_t = 1 − ᾱ_t/ᾱ_{t−1}; between integer times, ln α is linear.
    """

    primary: ClassVar[str] = "values"

    values: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(min_length=1, max_length=1_000_000)
    """ᾱ_t = α_t² at t = 1 … T, in (0, 1) and never rising."""

    @field_validator("values")
    @classmethod
    def _never_rising(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        for t, (before, now) in enumerate(pairwise(values), start=2):
            if now > before:
                raise ValueError(f"alpha-bars must never rise, but value {t} is {now:g} after {before:g}")
        return values

    @cached_property
    def _log_alpha(self) -> NDArray[np.float64]:
        """ln α_t of t = 0 … T, from the values: β_t rounds to 1 where ᾱ falls to under 1e-16 of itself."""
        return np.log((1.0, *self.values)) / 2

    def betas(self) -> NDArray[np.float64]:
        """Return β_t = 1 − ᾱ_t/ᾱ_{t−1}, shape (T,)."""
        values = np.array((1.0, *self.values))
        return np.asarray((values[:-1] - values[1:]) / values[:-1])
