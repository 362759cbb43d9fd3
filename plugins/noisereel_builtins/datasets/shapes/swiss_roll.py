"""The Swiss roll: a spiral in the plane, or a rolled-up sheet in space."""

from __future__ import annotations

import math
from typing import ClassVar

from torch import Tensor

from .cloud import Sheet

__all__ = ["SwissRoll"]


class SwissRoll(Sheet):
    """Points on a spiral within the unit circle: (t·cos t, t·sin t)/4.5π with t = 1.5π(1 + 2u), u uniform.

    As scikit-learn's ``make_swiss_roll``, scaled and without the second axis, which ``dims: 3`` adds: 21(v − ½)/4.5π,
    v uniform. Hue runs along the spiral. ``noise`` is in units of the outer radius.

    References:
        Marsland (2009), "Machine Learning: An Algorithmic Perspective", chapter 10.
    """

    width: ClassVar[float] = 21 / (4.5 * math.pi)

    def curve(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Return (t·cos t, t·sin t)/4.5π."""
        t = 1.5 * math.pi * (1 + 2 * u)
        radius = t / (4.5 * math.pi)
        return radius * t.cos(), radius * t.sin()
