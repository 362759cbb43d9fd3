"""Kullback–Leibler divergence of the particles from a standard normal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel.dataset import Data
from noisereel.denoiser import Denoiser
from noisereel.probe import Measure, Metric, State

from .cells import check_points, expected_entropy, percentiles, plug_in_entropy, uncountable

__all__ = ["KL"]


class KL(Metric):
    """KL(p ‖ N(0, I)) = Σ p·log₂(p/q) over the cells that ``entropy`` uses in percentile space, where q is uniform.

    So KL = D·log₂ bins − H. Few points can't be perfectly even: n Gaussian ones give about (cells−1)/(2n·ln 2) bit,
    0.07 for 10,000 points in 32² cells, not 0.

    References:
        Miller (1955), "Note on the bias of information estimates", for that remainder.
    """

    gives: ClassVar[tuple[str, ...]] = ("kl",)
    unit: ClassVar[str] = "bit"

    bins: int = Field(default=32, ge=2, le=4096)
    """Cells along each axis."""

    def check(self, data: Data, denoiser: Denoiser | None) -> str | None:
        return uncountable(data.event)

    def measure(self, state: State, ctx: Measure) -> Mapping[str, NDArray[np.generic]]:
        """``kl`` in bits.

        Raises:
            ValueError: The particles are not points.
        """
        check_points(state.x.shape[1:])
        most = state.x.shape[1] * math.log2(self.bins)
        return {"kl": np.asarray(most - plug_in_entropy(percentiles(state.x), self.bins))}

    def reference(self, particles: int, event: tuple[int, ...]) -> Mapping[str, float]:
        """What as many Gaussian points give on average."""
        check_points(event)
        cells = self.bins ** event[0]
        return {"Gaussian": math.log2(cells) - expected_entropy(particles, cells)}
