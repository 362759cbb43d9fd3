"""Arrows: base class of layers that draw arrows of one length on some particles."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel.contracts import marks
from noisereel.contracts.guides import Space
from noisereel.contracts.renderer import IN_PIXELS, Moment, RenderContext, Renderer, RunView

from ..shared.chosen import chosen
from ..shared.paint import Ink

__all__ = ["ParticleArrows"]

SHARE = 0.05
"""Default length, relative to the panel's shorter side."""


class ParticleArrows(Renderer):
    """Arrows of one length on some particles."""

    space: ClassVar[Space] = "plane"
    primary: ClassVar[str | None] = "length"

    length: float | None = Field(default=None, gt=0)
    """Length of every arrow in data units; if omitted, a twentieth of the panel's shorter side."""
    particles: int = Field(default=250, ge=1, le=10_000)
    """Number of particles, evenly spread over all of them."""
    color: Ink
    width: Annotated[float, IN_PIXELS] = Field(default=1.6, gt=0, le=100)
    """Width of the shafts in design pixels."""
    alpha: float = Field(default=0.9, gt=0, le=1)
    """Opacity of the arrows."""

    @abstractmethod
    def vectors(self, run: RunView, index: int) -> NDArray[np.floating] | None:
        """Return the direction of each particle's arrow at a visit, shape (particles, 2), or None if there are none."""

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[marks.Mark]:
        vectors, xy = self.vectors(run, moment.index), run.trajectory.series("x", moment.index)
        if vectors is None or xy is None:
            return
        rows = chosen(run, self.particles)
        (left, right), (low, high) = ctx.view.x, ctx.view.y
        length = self.length or SHARE * min(right - left, high - low)
        color = ctx.theme.color(self.color)
        yield marks.Arrows(xy[rows], length * units(vectors[rows]), color, self.width, self.alpha)


def units(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the vectors scaled to length 1, shape (n, 2); those of length 0 stay 0."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0))
