"""The training loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from noisereel.probe import Measure, Metric, State
from noisereel.subject import Subject

__all__ = ["Loss"]

_ELSEWHERE = "there is a loss only in a run with 'training: {…}'"


class Loss(Metric):
    """Mean training loss of the steps since the visit before, in a run that is shown as its denoiser learns.

    It counts what the denoiser's ``predicts`` and ``weighting`` say, so losses of different kinds do not compare.
    """

    gives: ClassVar[tuple[str, ...]] = ("loss",)

    def check(self, subject: Subject) -> str | None:
        return None if "trained" in subject.numbers else _ELSEWHERE

    def measure(self, state: State, ctx: Measure) -> Mapping[str, NDArray[np.generic]]:
        """``loss``.

        Raises:
            ValueError: The run is not shown over training.
        """
        if "loss" not in state.extra:
            raise ValueError(_ELSEWHERE)
        return {"loss": np.asarray(float(state.extra["loss"]))}
