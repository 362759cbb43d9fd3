"""Noise: the direction of the noise just added to the particles."""

import numpy as np
from numpy.typing import NDArray

from noisereel.contracts.renderer import RunView

from ..shared.paint import Ink
from .arrows import ParticleArrows

__all__ = ["Noise"]


class Noise(ParticleArrows):
    """The direction of the noise that the last step injected into each particle, as arrows of one length.

    There are none if no noise was injected (by a deterministic sampler, in the last step to clean data).
    """

    color: Ink = "rose"

    def vectors(self, run: RunView, index: int) -> NDArray[np.floating] | None:
        return run.trajectory.series("noise", index)
