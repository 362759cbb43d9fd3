"""Noise: which way chance has just pushed the particles."""

import numpy as np
from numpy.typing import NDArray

from noisereel.contracts.renderer import RunView

from ..shared.paint import Ink
from .arrows import ParticleArrows

__all__ = ["Noise"]


class Noise(ParticleArrows):
    """The direction of the noise that was injected on the way here, an arrow of one length on each particle.

    Where nothing was injected (a deterministic sampler, the last step to clean data) there are no arrows.
    """

    color: Ink = "rose"
    """A role of the theme or a hex colour."""

    def vectors(self, run: RunView, index: int) -> NDArray[np.floating] | None:
        return run.trajectory.series("noise", index)
