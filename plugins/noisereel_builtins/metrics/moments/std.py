"""Standard deviation of the particles."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from noisereel.contracts.probe import MeasureContext, Metric, Values
from noisereel.contracts.state import State

__all__ = ["Std"]


class Std(Metric):
    """Standard deviation over all numbers of all particles, about their common mean (divided by n, not n − 1)."""

    gives: ClassVar[tuple[str, ...]] = ("std",)

    def measure(self, state: State, ctx: MeasureContext) -> Values:
        """Return ``std``, in data units."""
        return {"std": np.asarray(float(state.x.double().std(correction=0)))}
