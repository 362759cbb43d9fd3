"""The training loss."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from noisereel.contracts.probe import MeasureContext, Metric, Values
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.state import State

__all__ = ["Loss"]

_NO_TRAINING = "loss needs a run with 'training: {…}'"


class Loss(Metric):
    """Mean training loss of the steps since the previous visit, in a run that shows its denoiser learning.

    It depends on the denoiser's ``predicts`` and ``weighting``, so losses of different kinds are not comparable.
    """

    gives: ClassVar[tuple[str, ...]] = ("loss",)

    def check(self, run: RunInfo) -> str | None:
        return None if "trained" in run.value_names else _NO_TRAINING

    def measure(self, state: State, ctx: MeasureContext) -> Values:
        """Return ``loss``.

        Raises:
            ValueError: The run does not show training.
        """
        if "loss" not in state.aux:
            raise ValueError(_NO_TRAINING)
        return {"loss": np.asarray(float(state.aux["loss"]))}
