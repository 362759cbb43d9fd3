"""A schedule given by its β_t."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from noisereel.contracts.schedule import BetaSchedule

__all__ = ["Betas"]


class Betas(BetaSchedule):
    """A schedule given by β_1 … β_T, with ᾱ_t = Π_{i ≤ t} (1 − β_i): ``{betas: [0.1, 0.2, 0.5]}``.

    They need not rise.
    """

    primary: ClassVar[str] = "values"

    values: tuple[Annotated[float, Field(ge=0, lt=1)], ...] = Field(min_length=1, max_length=1_000_000)
    """β_t at t = 1 … T, the variance added in each step; in [0, 1), the first above 0."""

    @field_validator("values")
    @classmethod
    def _noise_from_the_first_step(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if values[0] == 0:
            raise ValueError("the first beta must be above 0: without noise at t = 1 there is nothing to remove there")
        return values

    def betas(self) -> NDArray[np.float64]:
        """Return the values, shape (T,)."""
        return np.array(self.values)
