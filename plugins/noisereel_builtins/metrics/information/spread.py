"""Base class of entropy and KL divergence: cells to count points in, or nearest neighbours."""

from __future__ import annotations

import math
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator
from torch import Tensor

from noisereel.contracts.probe import Metric
from noisereel.contracts.run_info import RunInfo

from ..distances.knn import knn_entropy
from .cells import percentiles, plug_in_entropy, uncountable

__all__ = ["Spread"]


class Spread(Metric):
    """A measure, in bits, of how spread out the particles are."""

    unit: ClassVar[str] = "bit"

    space: Literal["percentile", "range", "neighbours"] = "percentile"
    """Cells of equal probability under N(0, 1), cells of equal width within ``range``, or nearest neighbours."""
    bins: int = Field(default=32, ge=2, le=4096)
    """Number of cells along each axis."""
    range: tuple[float, float] | None = None
    """Lowest and highest coordinate, for ``space: range``; points outside count in the outermost cells."""
    k: int = Field(default=3, ge=1, le=100)
    """Rank of the neighbour, for ``space: neighbours``: a low one follows detail, a high one is steadier."""

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if self.space != "range":
            if self.range is not None:
                raise ValueError("'range' is only used with 'space: range'")
        elif self.range is None:
            raise ValueError("'space: range' needs its limits, such as 'range: [-3, 3]'")
        elif not -math.inf < self.range[0] < self.range[1] < math.inf:
            raise ValueError(f"'range' must be finite and increasing, got [{self.range[0]:g}, {self.range[1]:g}]")
        return self

    def check(self, run: RunInfo) -> str | None:
        return None if self.space == "neighbours" else uncountable(run.event_shape)

    def entropy(self, x: Tensor, metric: str) -> float:
        """Return H in bits: the entropy of the cells' shares, or the differential entropy.

        Args:
            x: Particles, shape (n, *event).
            metric: Name of the metric, for the error message.

        Raises:
            ValueError: The particles cannot be counted in cells.
        """
        if self.space == "neighbours":
            return knn_entropy(x, self.k, metric)
        return plug_in_entropy(self.unit_cube(x), self.bins)

    def unit_cube(self, x: Tensor) -> Tensor:
        """Return the points mapped so that the cells divide the unit cube, shape (n, D).

        Raises:
            ValueError: The particles are not points of 1, 2 or 3 dimensions.
        """
        self.cells(tuple(x.shape[1:]))
        if self.range is None:
            return percentiles(x)
        low, high = self.range
        return (x - low) / (high - low)

    def cells(self, event_shape: tuple[int, ...]) -> int:
        """Return the number of cells.

        Raises:
            ValueError: Samples of this shape are not points of 1, 2 or 3 dimensions.
        """
        if message := uncountable(event_shape):
            raise ValueError(message)
        return int(self.bins ** event_shape[0])
