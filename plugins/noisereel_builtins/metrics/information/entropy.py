"""Entropy of the particles, from cells or nearest neighbours."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from noisereel.contracts.probe import MeasureContext, Values
from noisereel.contracts.state import State

from ..distances.knn import gaussian_entropy
from .cells import expected_entropy
from .spread import Spread

__all__ = ["Entropy"]


class Entropy(Spread):
    """Entropy H = −Σ p·log₂ p, p the share of particles in each cell of a grid with ``bins`` cells along each axis.

    In percentile space, every coordinate is first mapped by the normal distribution function, so that N(0, I) fills all
    cells equally: 10,000 such points in 32² cells have 9.92 bits (10 minus the bias of a finite sample). With many more
    cells than points, *any* smooth cloud saturates at log₂ n, 13.29 bits for 10,000, and the value says little. With
    ``space: neighbours`` it is the differential entropy, −∫p·log₂ p, estimated from each point's k-th nearest
    neighbour; it has no cells, may be negative, and is 4.09 bits for N(0, I) in the plane. Repeated points count once.

    References:
        Miller (1955), "Note on the bias of information estimates"; Kozachenko and Leonenko (1987), "Sample estimate of
        the entropy of a random vector".
    """

    gives: ClassVar[tuple[str, ...]] = ("entropy",)

    def measure(self, state: State, ctx: MeasureContext) -> Values:
        """Return ``entropy`` in bits.

        Raises:
            ValueError: The particles are not points.
        """
        return {"entropy": np.asarray(self.entropy(state.x, "entropy"))}

    def reference(self, particles: int, event_shape: tuple[int, ...]) -> Mapping[str, float]:
        """Return the mean value for this many Gaussian points, or the maximum where that is the limit."""
        if self.space == "neighbours":
            return {"Gaussian": gaussian_entropy(math.prod(event_shape))}
        n, cells = particles, self.cells(event_shape)
        if self.space == "percentile" and cells <= n:
            return {"Gaussian": expected_entropy(n, cells)}
        return {"ceiling": math.log2(min(n, cells))}
