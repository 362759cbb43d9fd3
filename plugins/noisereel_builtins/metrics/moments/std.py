"""Standard deviation of the particles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from noisereel.contracts.probe import MeasureContext, Metric
from noisereel.contracts.state import State

__all__ = ["Std"]


class Std(Metric):
    """Standard deviation over all numbers of all particles, about their one mean (divided by n, not n − 1)."""

    gives: ClassVar[tuple[str, ...]] = ("std",)

    def measure(self, state: State, ctx: MeasureContext) -> Mapping[str, NDArray[np.generic]]:
        """``std``, in data units."""
        return {"std": np.asarray(float(state.x.std(correction=0)))}
