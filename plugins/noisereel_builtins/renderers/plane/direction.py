"""Direction: which way the denoiser pulls the particles."""

import numpy as np
from numpy.typing import NDArray

from noisereel.contracts.renderer import RunView
from noisereel.contracts.run_info import RunInfo

from ..shared.cloud import unrecorded
from ..shared.paint import Ink
from .arrows import ParticleArrows

__all__ = ["Direction"]


class Direction(ParticleArrows):
    """The direction −ε̂ in which each particle is denoised from here, an arrow of one length.

    Clean data and the end of a run, which leaves for nowhere, have none.
    """

    color: Ink = "blue"
    """A role of the theme or a hex colour."""

    def check(self, run: RunInfo) -> str | None:
        return super().check(run) or unrecorded("eps", run)

    def vectors(self, run: RunView, index: int) -> NDArray[np.floating] | None:
        eps = run.trajectory.series("eps", index)
        return None if eps is None else -eps
