"""The pinwheel: bent arms around one centre."""

from __future__ import annotations

import math

import torch
from pydantic import Field

from .cloud import Cloud, Draws, Shape

__all__ = ["Pinwheel"]


class Pinwheel(Cloud):
    """Points on bent arms around one centre; the label is the arm, and hue follows it.

    Points of arm k are (1 + 0.3·z₁, 0.05·z₂), rotated by 2πk/arms + swirl·exp(1 + 0.3·z₁) and then doubled, with z
    standard normal. So an arm bends more the farther out it is.

    References:
        Johnson et al. (2016), arXiv:1603.06277, Fig. 1.
    """

    arms: int = Field(default=5, ge=1, le=1000)
    """Number of arms."""
    swirl: float = Field(default=0.25, allow_inf_nan=False)
    """Bend of the arms; with 0 they are straight."""

    def shape(self, draw: Draws) -> Shape:
        arm = (draw.uniform("arm") * self.arms).long()
        x, y = (draw.normal(2, "spread") * torch.tensor([0.3, 0.05]) + torch.tensor([1.0, 0.0])).T
        angle = 2 * math.pi * arm / self.arms + self.swirl * x.exp()
        turned = torch.stack([angle.cos() * x - angle.sin() * y, angle.sin() * x + angle.cos() * y], 1)
        return Shape(2 * turned, arm / max(1, self.arms - 1), arm)
