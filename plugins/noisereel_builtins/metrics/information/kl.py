"""Kullback–Leibler divergence of the particles from a standard normal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from noisereel.contracts.probe import MeasureContext, Values
from noisereel.contracts.state import State

from ..distances.clouds import flat
from .cells import cell_of, expected_entropy
from .spread import Spread

__all__ = ["KL"]


class KL(Spread):
    """Kullback–Leibler divergence KL(p ‖ q) = Σ p·log₂(p/q) of the particles, p, from the standard normal, q.

    p and q are the shares in the cells of ``entropy``. In percentile space, q is uniform, so KL = D·log₂ bins − H. A
    finite sample is never perfectly even: n Gaussian points give about (cells−1)/(2n·ln 2) bits, 0.07 for 10,000 points
    in 32² cells, not 0; with many more cells than points, *any* smooth cloud gives D·log₂ bins − log₂ n. In
    ``space: range`` the outermost cells extend to infinity. With ``space: neighbours`` it is −H − E log₂ q(x), H the
    differential entropy; that may be slightly below 0.

    References:
        Miller (1955), "Note on the bias of information estimates", for the bias.
    """

    gives: ClassVar[tuple[str, ...]] = ("kl",)

    def measure(self, state: State, ctx: MeasureContext) -> Values:
        """Return ``kl`` in bits.

        Raises:
            ValueError: The particles are not points.
        """
        entropy = self.entropy(state.x, "kl")
        if math.isnan(entropy):
            return {"kl": np.asarray(entropy)}
        bits = -entropy - self._mean_log2_q(state.x)
        return {"kl": np.asarray(bits if self.space == "neighbours" else max(bits, 0.0))}

    def reference(self, particles: int, event_shape: tuple[int, ...]) -> Mapping[str, float]:
        """Return the mean value for this many Gaussian points; 0, without the bias, where the bias is unknown."""
        if self.space != "percentile":
            return {"Gaussian": 0.0}
        cells = self.cells(event_shape)
        return {"Gaussian": math.log2(cells) - expected_entropy(particles, cells)}

    def _mean_log2_q(self, x: Tensor) -> float:
        """Return E log₂ q over the particles, q the probability of a point's cell or, for neighbours, the density."""
        if self.space == "neighbours":
            nats = -(flat(x).square().sum(1) + x[0].numel() * math.log(2 * math.pi)) / 2
            return float(nats.mean()) / math.log(2)
        if self.range is None:
            return -x.shape[1] * math.log2(self.bins)
        low, high = self.range
        edges = torch.linspace(low, high, self.bins + 1, dtype=torch.float64)
        edges[0], edges[-1] = -math.inf, math.inf
        # Φ(b) − Φ(a) from the tail that keeps its digits, in logarithms, because tails underflow beyond 38
        below = _log_difference(torch.special.log_ndtr(edges[1:]), torch.special.log_ndtr(edges[:-1]))
        above = _log_difference(torch.special.log_ndtr(-edges[:-1]), torch.special.log_ndtr(-edges[1:]))
        log_q = torch.where(edges[:-1] > 0, above, below) / math.log(2)
        return float(log_q.to(x.device)[cell_of(self.unit_cube(x), self.bins)].sum(1).mean())


def _log_difference(larger: Tensor, smaller: Tensor) -> Tensor:
    """Return ln(e^larger − e^smaller)."""
    return larger + torch.log(-torch.expm1(smaller - larger))
