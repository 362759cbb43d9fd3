"""Spirals: arms that wind around one centre."""

from __future__ import annotations

import math

import torch
from pydantic import Field

from .cloud import Cloud, Draws, Shape

__all__ = ["Spirals"]


class Spirals(Cloud):
    """Points on spiral arms within the unit circle: radius √u and angle 2π(turns·√u + k/arms) on arm k, u uniform.

    So the density is even over the disc. The label is the arm; hue runs outwards along one arm after another.
    """

    arms: int = Field(default=2, ge=1, le=1000)
    """Number of arms."""
    turns: float = Field(default=1.5, ge=0, le=1000)
    """Number of turns of each arm around the centre."""
    noise: float = Field(default=0.02, ge=0, allow_inf_nan=False)
    """Standard deviation of Gaussian noise on each coordinate."""

    def shape(self, draw: Draws) -> Shape:
        radius, arm = draw.uniform("radius").sqrt(), (draw.uniform("arm") * self.arms).long()
        angle = 2 * math.pi * (self.turns * radius + arm / self.arms)
        x = radius[:, None] * torch.stack([angle.cos(), angle.sin()], 1)
        return Shape(x, (arm + radius) / self.arms, arm)
