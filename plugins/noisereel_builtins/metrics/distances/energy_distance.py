"""Energy distance between the particles and the data."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from noisereel.contracts.probe import MeasureContext, Metric, Values
from noisereel.contracts.state import State

from .clouds import centred, flat, mean_along

__all__ = ["EnergyDistance"]

_MAX_PAIRS = 4_000_000  # with more pairs, sorting along many directions is faster


class EnergyDistance(Metric):
    """Energy distance between particles X and clean data Y: 0 if and only if they have the same distribution.

        2·E‖X − Y‖ − E‖X − X′‖ − E‖Y − Y′‖

    It is computed from all pairs if there are few, otherwise along ``slices`` directions θ, where sorting suffices:
    E‖v‖ = c_D·E_θ|θ·v| with c_D = √π·Γ((D+1)/2)/Γ(D/2), so both agree for enough directions. Not to be confused with
    its square root, which SciPy gives. Two samples of size n from the same law give about E‖X − X′‖·2/n, not 0.

    References:
        Székely and Rizzo (2013), "Energy statistics: a class of statistics based on distances".
    """

    gives: ClassVar[tuple[str, ...]] = ("energy_distance",)

    slices: int = Field(default=64, ge=1, le=10_000)
    """Number of directions to sort along if there are too many pairs."""

    def measure(self, state: State, ctx: MeasureContext) -> Values:
        """Return ``energy_distance``, in data units. NaN if any particle is not finite."""
        x, y = centred(flat(state.x), flat(ctx.data.x0))
        if not bool(x.isfinite().all()):
            return {"energy_distance": np.asarray(math.nan)}
        few = x.shape[1] > 1 and max(len(x), len(y)) ** 2 <= _MAX_PAIRS
        return {"energy_distance": np.asarray(_exact(x, y) if few else _sliced(x, y, self.slices))}


def _exact(x: Tensor, y: Tensor) -> float:
    between, within_x, within_y = (float(torch.cdist(a, b).mean()) for a, b in ((x, y), (x, x), (y, y)))
    return max(2 * between - within_x - within_y, 0.0)  # rounding alone makes it negative


def _sliced(x: Tensor, y: Tensor, slices: int) -> float:
    d = x.shape[1]
    mean = mean_along(x, y, slices, _line_distances)
    return mean * math.sqrt(math.pi) * math.exp(math.lgamma((d + 1) / 2) - math.lgamma(d / 2))


def _line_distances(x: Tensor, y: Tensor) -> Tensor:
    """Return 2·∫(F − G)² over the real line for each row, F and G the distribution functions of x and y."""
    z, order = torch.cat([x, y], 1).sort()
    n, m = x.shape[1], y.shape[1]
    rise = torch.cat([x.new_full((n,), 1 / n), x.new_full((m,), -1 / m)])[order]
    return 2 * (rise.cumsum(1)[:, :-1].square() * z.diff()).sum(1)
