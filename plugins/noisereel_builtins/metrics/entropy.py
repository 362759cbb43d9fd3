"""Entropy of the particles, counted in cells."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from noisereel.dataset import Data
from noisereel.denoiser import Denoiser
from noisereel.probe import Measure, Metric, State

from .cells import check_points, expected_entropy, percentiles, plug_in_entropy, uncountable
from .knn import gaussian_entropy, knn_entropy

__all__ = ["Entropy"]


class Entropy(Metric):
    """H = −Σ p·log₂ p, p the share of particles in each cell of a grid with ``bins`` cells along each axis.

    In percentile space every coordinate goes through the normal distribution function first, so that N(0, I) fills
    all cells alike: 10,000 such points in 32² cells have 9.92 bit (10 less what so few points can't show). With many
    more cells than points *any* smooth cloud saturates at log₂ n, 13.29 bit for 10,000, and the measure says little.
    With ``space: neighbours`` it is the differential entropy, −∫p·log₂ p, estimated from each point's k-th nearest
    neighbour; it has no cells, may be negative, and is 4.09 bit for N(0, I) in the plane. Repeated points count once.

    References:
        Miller (1955), "Note on the bias of information estimates"; Kozachenko and Leonenko (1987), "Sample estimate of
        the entropy of a random vector".
    """

    gives: ClassVar[tuple[str, ...]] = ("entropy",)
    unit: ClassVar[str] = "bit"

    space: Literal["percentile", "range", "neighbours"] = "percentile"
    """Cells of equal probability under N(0, 1), or of equal width within ``range``; or none, but nearest neighbours."""
    bins: int = Field(default=32, ge=2, le=4096)
    """Cells along each axis."""
    range: tuple[float, float] | None = None
    """Lowest and highest coordinate, for ``space: range``; points beyond count in the outermost cells."""
    k: int = Field(default=3, ge=1, le=100)
    """Which neighbour, for ``space: neighbours``: few follow detail, many are steadier."""

    @model_validator(mode="after")
    def _range_fits_space(self) -> Self:
        if self.space != "range":
            if self.range is not None:
                raise ValueError("'range' goes with 'space: range'")
        elif self.range is None:
            raise ValueError("'space: range' needs its limits, such as 'range: [-3, 3]'")
        elif not -math.inf < self.range[0] < self.range[1] < math.inf:
            raise ValueError(f"'range' must rise, got [{self.range[0]:g}, {self.range[1]:g}]")
        return self

    def check(self, data: Data, denoiser: Denoiser | None) -> str | None:
        return None if self.space == "neighbours" else uncountable(data.event)

    def measure(self, state: State, ctx: Measure) -> Mapping[str, NDArray[np.generic]]:
        """``entropy`` in bits.

        Raises:
            ValueError: The particles are not points.
        """
        if self.space == "neighbours":
            return {"entropy": np.asarray(knn_entropy(state.x, self.k, "entropy"))}
        check_points(state.x.shape[1:])
        if self.range is None:
            u = percentiles(state.x)
        else:
            low, high = self.range
            u = (state.x - low) / (high - low)
        return {"entropy": np.asarray(plug_in_entropy(u, self.bins))}

    def reference(self, particles: int, event: tuple[int, ...]) -> Mapping[str, float]:
        """What as many Gaussian points give on average; the most that can be, where that is what limits."""
        if self.space == "neighbours":
            return {"Gaussian": gaussian_entropy(math.prod(event))}
        check_points(event)
        n, cells = particles, self.bins ** event[0]
        if self.space == "percentile" and cells <= n:
            return {"Gaussian": expected_entropy(n, cells)}
        return {"ceiling": math.log2(min(n, cells))}
