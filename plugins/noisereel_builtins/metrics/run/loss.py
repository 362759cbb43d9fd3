"""The training loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from noisereel.contracts.probe import MeasureContext, Metric
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.state import State

__all__ = ["Loss"]

_ELSEWHERE = "there is a loss only in a run with 'training: {…}'"


class Loss(Metric):
    """Mean training loss of the steps since the visit before, in a run that is shown as its denoiser learns.

    It counts what the denoiser's ``predicts`` and ``weighting`` say, so losses of different kinds do not compare.
    """

    gives: ClassVar[tuple[str, ...]] = ("loss",)

    def check(self, run: RunInfo) -> str | None:
        return None if "trained" in run.value_names else _ELSEWHERE

    def measure(self, state: State, ctx: MeasureContext) -> Mapping[str, NDArray[np.generic]]:
        """``loss``.

        Raises:
            ValueError: The run is not shown over training.
        """
        if "loss" not in state.aux:
            raise ValueError(_ELSEWHERE)
        return {"loss": np.asarray(float(state.aux["loss"]))}
