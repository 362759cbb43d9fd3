"""Mean of the particles."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from noisereel.contracts.probe import MeasureContext, Metric, Values
from noisereel.contracts.state import State

__all__ = ["Mean"]


class Mean(Metric):
    """Mean over all numbers of all particles."""

    gives: ClassVar[tuple[str, ...]] = ("mean",)

    def measure(self, state: State, ctx: MeasureContext) -> Values:
        """Return ``mean``, in data units."""
        return {"mean": np.asarray(float(state.x.double().mean()))}
