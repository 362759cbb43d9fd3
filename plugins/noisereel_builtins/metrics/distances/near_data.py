"""How close particles lie to data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel.contracts.probe import MeasureContext, Metric
from noisereel.contracts.state import State

from .clouds import flat, nearest

__all__ = ["NearData"]


class NearData(Metric):
    """Share of the particles whose nearest data point is no further than ``radius``; and the median of all distances.

    How precise samples are. It does not say whether they are varied: see ``mode-coverage`` and ``memorisation``.
    """

    gives: ClassVar[tuple[str, ...]] = ("near_data", "median_distance")
    primary: ClassVar[str | None] = "radius"

    radius: float = Field(default=0.1, ge=0, allow_inf_nan=False)
    """How close is close, in data units."""

    def measure(self, state: State, ctx: MeasureContext) -> Mapping[str, NDArray[np.generic]]:
        """``near_data``, from 0 to 1, and ``median_distance``, in data units; particles that are not finite are far."""
        x = flat(state.x)
        sound = x.isfinite().all(1)
        distance = x.new_full((len(x),), math.inf)
        if bool(sound.any()):
            distance[sound] = nearest(x[sound], flat(ctx.data.x0), 1, "near-data")[0][:, 0]
        share = (distance <= self.radius).double().mean()
        return {"near_data": np.asarray(float(share)), "median_distance": np.asarray(float(distance.median()))}
