"""The training loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from noisereel.probe import Measure, Metric, State

__all__ = ["Loss"]


class Loss(Metric):
    """Mean training loss of the steps since the visit before, in a run that is shown as its denoiser learns.

    It counts what the denoiser's ``predicts`` and ``weighting`` say, so losses of different kinds do not compare.
    """

    gives: ClassVar[tuple[str, ...]] = ("loss",)

    def measure(self, state: State, ctx: Measure) -> Mapping[str, NDArray[np.generic]]:
        """``loss``.

        Raises:
            ValueError: The run is not shown over training.
        """
        if "loss" not in state.extra:
            raise ValueError("there is a loss only in a run with 'training: {…}'")
        return {"loss": np.asarray(float(state.extra["loss"]))}
