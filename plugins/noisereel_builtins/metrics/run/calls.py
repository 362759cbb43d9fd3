"""Denoiser calls made so far."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from noisereel.contracts.probe import MeasureContext, Metric, Values
from noisereel.contracts.state import State

__all__ = ["Calls"]


class Calls(Metric):
    """Number of denoiser calls for all particles so far, including the step that leaves this state.

    It is the cost of a sampler: Euler's method makes one call per step, Heun's two.
    """

    gives: ClassVar[tuple[str, ...]] = ("calls",)

    def measure(self, state: State, ctx: MeasureContext) -> Values:
        """Return ``calls``."""
        return {"calls": np.asarray(float(state.calls))}
