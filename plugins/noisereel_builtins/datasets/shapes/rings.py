"""Concentric rings."""

from __future__ import annotations

import math

import torch
from pydantic import Field

from .cloud import Cloud, Draws, Shape, choose

__all__ = ["Rings"]


class Rings(Cloud):
    """Points on k concentric circles of radius 1/k, 2/k … 1, equally dense on all of them.

    The label is the circle, 0 the innermost, and hue follows it.
    """

    rings: int = Field(default=4, ge=1, le=1000)
    """Number of circles."""

    def shape(self, draw: Draws) -> Shape:
        radii = torch.arange(1, self.rings + 1, dtype=torch.float64) / self.rings
        label = choose(radii, draw.uniform("ring"))
        angle = 2 * math.pi * draw.uniform("angle")
        x = radii[label, None] * torch.stack([angle.cos(), angle.sin()], 1)
        return Shape(x, label / max(1, self.rings - 1), label)
