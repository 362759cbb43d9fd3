"""Share of the particles that lie close to data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel.probe import Measure, Metric, State

from .clouds import flat, nearest

__all__ = ["NearData"]


class NearData(Metric):
    """Share of the particles whose nearest data point is no further than ``radius``.

    How precise samples are. It does not say whether they are varied: see ``mode-coverage`` and ``memorisation``.
    """

    gives: ClassVar[tuple[str, ...]] = ("near_data",)
    primary: ClassVar[str | None] = "radius"

    radius: float = Field(default=0.1, ge=0, allow_inf_nan=False)
    """How close is close, in data units."""

    def measure(self, state: State, ctx: Measure) -> Mapping[str, NDArray[np.generic]]:
        """``near_data``, from 0 to 1; particles that are not finite are far."""
        x = flat(state.x)
        sound = x[x.isfinite().all(1)]
        if not len(sound):
            return {"near_data": np.asarray(0.0)}
        distance, _ = nearest(sound, flat(ctx.data.x0), 1, "near-data")
        return {"near_data": np.asarray(float((distance <= self.radius).sum()) / len(x))}
