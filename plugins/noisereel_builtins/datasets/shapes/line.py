"""A straight line in the plane."""

from __future__ import annotations

import math

import torch
from pydantic import Field

from .cloud import Cloud, Draws, Shape

__all__ = ["Line"]


class Line(Cloud):
    """Points on a line of length 2 through 0, (2u − 1)·(cos φ, sin φ) with u uniform; hue runs along it.

    The simplest data that lie in a subspace.
    """

    angle: float = Field(default=30.0, ge=-360, le=360)
    """φ, its direction, in degrees from the horizontal."""

    def shape(self, draw: Draws) -> Shape:
        u, phi = draw.uniform("place"), math.radians(self.angle)
        direction = torch.tensor([math.cos(phi), math.sin(phi)], dtype=torch.float64)
        return Shape((2 * u - 1)[:, None] * direction, u)
