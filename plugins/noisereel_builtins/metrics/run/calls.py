"""Denoiser calls made so far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from noisereel.contracts.probe import MeasureContext, Metric
from noisereel.contracts.state import State

__all__ = ["Calls"]


class Calls(Metric):
    """Number of times that the denoiser was asked about all particles, the step that leaves this state included.

    What a sampler costs: Euler's method asks once a step, Heun's twice.
    """

    gives: ClassVar[tuple[str, ...]] = ("calls",)

    def measure(self, state: State, ctx: MeasureContext) -> Mapping[str, NDArray[np.generic]]:
        """``calls``."""
        return {"calls": np.asarray(float(state.calls))}
