"""The swiss roll: a spiral in the plane, or rolled up in space."""

from __future__ import annotations

import math
from typing import Literal

import torch

from .cloud import Cloud, Draws, Shape

__all__ = ["SwissRoll"]


class SwissRoll(Cloud):
    """Points (t·cos t, t·sin t)/4.5π with t = 1.5π(1 + 2u), u uniform: a spiral within the unit circle.

    The formula is that of scikit-learn's ``make_swiss_roll`` without its second axis; with ``dims: 3`` that axis is
    there, 21(v − ½)/4.5π, v uniform. Hue runs along the spiral. ``noise`` is measured where the radius is 1.

    References:
        Marsland (2009), "Machine Learning: An Algorithmic Perspective", chapter 10.
    """

    dims: Literal[2, 3] = 2
    """A spiral in the plane, or a roll in space."""

    @property
    def dimensions(self) -> int:
        return self.dims

    def shape(self, draw: Draws) -> Shape:
        u = draw.uniform("parameter")
        t = 1.5 * math.pi * (1 + 2 * u)
        axes = [t * t.cos(), t * t.sin()]
        if self.dims == 3:
            axes.insert(1, 21 * (draw.uniform("width") - 0.5))
        return Shape(torch.stack(axes, 1) / (4.5 * math.pi), u)
