"""Two circles, one inside the other."""

from __future__ import annotations

import math

import torch
from pydantic import Field

from .cloud import Cloud, Draws, Shape

__all__ = ["Circles"]


class Circles(Cloud):
    """Points on two concentric circles, r·(cos 2πu, sin 2πu) with r = 1 or r = ``factor``, equally likely.

    As scikit-learn's ``make_circles``. The label is the circle, 0 the outer; hue is the angle. ``rings`` has any number
    of circles, all equally dense.
    """

    factor: float = Field(default=0.5, gt=0, lt=1)
    """Radius of the inner circle."""

    def shape(self, draw: Draws) -> Shape:
        u, label = draw.uniform("angle"), (draw.uniform("circle") < 0.5).long()
        radius = torch.where(label == 0, 1.0, self.factor)
        angle = 2 * math.pi * u
        return Shape(radius[:, None] * torch.stack([angle.cos(), angle.sin()], 1), u, label)
