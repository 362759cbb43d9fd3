"""Direction: which way the denoiser pulls the particles."""

import numpy as np
from numpy.typing import NDArray

from noisereel.record import Record
from noisereel.subject import Subject

from ._arrows import ParticleArrows
from ._cloud import unrecorded
from ._paint import Ink

__all__ = ["Direction"]


class Direction(ParticleArrows):
    """The direction −ε̂ in which each particle is denoised from here, an arrow of one length.

    Clean data and the end of a run, which leaves for nowhere, have none.
    """

    color: Ink = "blue"
    """A role of the theme or a hex colour."""

    def check(self, subject: Subject) -> str | None:
        return super().check(subject) or unrecorded("eps", subject)

    def vectors(self, record: Record, step: int) -> NDArray[np.floating] | None:
        eps = record.series("eps", step)
        return None if eps is None else -eps
