"""Kullback–Leibler divergence of the particles from a standard normal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from noisereel.contracts.probe import MeasureContext
from noisereel.contracts.state import State

from ..distances.clouds import flat
from .cells import cell_of, expected_entropy
from .spread import Spread

__all__ = ["KL"]


class KL(Spread):
    """KL(p ‖ q) = Σ p·log₂(p/q), p the share of particles in each cell that ``entropy`` counts, q that of N(0, I).

    In percentile space q is uniform, so that KL = D·log₂ bins − H. Few points can't be perfectly even: n Gaussian ones
    give about (cells−1)/(2n·ln 2) bit, 0.07 for 10,000 points in 32² cells, not 0; with many more cells than points
    *any* smooth cloud gives D·log₂ bins − log₂ n. In ``space: range`` the outermost cells reach to infinity. With
    ``space: neighbours``, −H − E log₂ q(x), H the differential entropy; that may be a little below 0.

    References:
        Miller (1955), "Note on the bias of information estimates", for that remainder.
    """

    gives: ClassVar[tuple[str, ...]] = ("kl",)

    def measure(self, state: State, ctx: MeasureContext) -> Mapping[str, NDArray[np.generic]]:
        """``kl`` in bits.

        Raises:
            ValueError: The particles are not points.
        """
        entropy = self.entropy(state.x, "kl")
        return {"kl": np.asarray(entropy if math.isnan(entropy) else -entropy - self._mean_log2_q(state.x))}

    def reference(self, particles: int, event_shape: tuple[int, ...]) -> Mapping[str, float]:
        """What as many Gaussian points give on average; 0 but for the number of points where none is known."""
        if self.space != "percentile":
            return {"Gaussian": 0.0}
        cells = self.cells(event_shape)
        return {"Gaussian": math.log2(cells) - expected_entropy(particles, cells)}

    def _mean_log2_q(self, x: Tensor) -> float:
        """E log₂ q over the particles, q the probability of a point's cell; of neighbours, the density."""
        if self.space == "neighbours":
            nats = -(flat(x).square().sum(1) + x[0].numel() * math.log(2 * math.pi)) / 2
            return float(nats.mean()) / math.log(2)
        if self.range is None:
            return -x.shape[1] * math.log2(self.bins)
        low, high = self.range
        edges = torch.linspace(low, high, self.bins + 1, dtype=torch.float64)
        edges[0], edges[-1] = -math.inf, math.inf
        # P(beyond an edge, away from 0) keeps its digits in the tails, where both edges of a cell lie on one side
        below, above = (torch.erfc(tail / math.sqrt(2)).diff().abs() / 2 for tail in (-edges, edges))
        q = torch.where(edges[:-1] > 0, above, below)
        return float(q.log2().to(x.device)[cell_of(self.unit_cube(x), self.bins)].sum(1).mean())
