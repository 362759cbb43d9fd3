"""Direction: the direction in which the denoiser moves the particles."""

import numpy as np
from numpy.typing import NDArray

from noisereel.contracts.renderer import RunView
from noisereel.contracts.run_info import RunInfo

from ..shared.cloud import unrecorded
from ..shared.paint import Ink
from .arrows import ParticleArrows

__all__ = ["Direction"]


class Direction(ParticleArrows):
    """The direction −ε̂ in which each particle is denoised next, as arrows of one length.

    There are none on clean data and at the end of a run, where no estimate is made.
    """

    color: Ink = "blue"

    def check(self, run: RunInfo) -> str | None:
        return super().check(run) or unrecorded("eps", run)

    def vectors(self, run: RunView, index: int) -> NDArray[np.floating] | None:
        eps = run.trajectory.series("eps", index)
        return None if eps is None else -eps
