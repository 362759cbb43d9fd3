"""A disc, evenly filled."""

from __future__ import annotations

import math

import torch

from .cloud import Cloud, Draws, Shape

__all__ = ["Disc"]


class Disc(Cloud):
    """Points uniform over the unit disc, at radius √u and angle 2πv; hue is the angle, v."""

    def shape(self, draw: Draws) -> Shape:
        radius, v = draw.uniform("radius").sqrt(), draw.uniform("angle")
        angle = 2 * math.pi * v
        return Shape(radius[:, None] * torch.stack([angle.cos(), angle.sin()], 1), v)
