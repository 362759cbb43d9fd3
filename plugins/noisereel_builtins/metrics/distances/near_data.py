"""Closeness of the particles to the data."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from pydantic import Field

from noisereel.contracts.probe import MeasureContext, Metric, Values
from noisereel.contracts.state import State

from .clouds import flat, nearest

__all__ = ["NearData"]


class NearData(Metric):
    """Share of the particles within ``radius`` of their nearest data point, and the median of these distances.

    It measures how precise samples are, not how diverse: see ``mode-coverage`` and ``memorisation``.
    """

    gives: ClassVar[tuple[str, ...]] = ("near_data", "median_distance")
    primary: ClassVar[str | None] = "radius"

    radius: float = Field(default=0.1, ge=0, allow_inf_nan=False)
    """Largest distance that counts as near, in data units."""

    def measure(self, state: State, ctx: MeasureContext) -> Values:
        """Return ``near_data``, from 0 to 1, and ``median_distance``, in data units; non-finite particles are at ∞."""
        x = flat(state.x)
        finite = x.isfinite().all(1)
        distance = x.new_full((len(x),), math.inf)
        distance[finite] = nearest(x[finite], flat(ctx.data.x0), 1, "near-data")[0][:, 0]
        share = (distance <= self.radius).double().mean()
        return {"near_data": np.asarray(float(share)), "median_distance": np.asarray(np.median(distance.cpu().numpy()))}
