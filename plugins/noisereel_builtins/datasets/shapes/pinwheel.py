"""The pinwheel: bent arms about one centre."""

from __future__ import annotations

import math

import torch
from pydantic import Field

from .cloud import Cloud, Draws, Shape

__all__ = ["Pinwheel"]


class Pinwheel(Cloud):
    """Arm k: (1 + 0.3·z₁, 0.05·z₂), turned by 2πk/arms + swirl·exp(1 + 0.3·z₁), then doubled; z standard normal.

    So the further out, the more an arm bends. The label is the arm and hue follows it.

    References:
        Johnson et al. (2016), arXiv:1603.06277, Fig. 1.
    """

    arms: int = Field(default=5, ge=1, le=1000)
    """Number of arms."""
    swirl: float = Field(default=0.25, allow_inf_nan=False)
    """How much the arms bend."""

    def shape(self, draw: Draws) -> Shape:
        arm = (draw.uniform("arm") * self.arms).long()
        x, y = (draw.normal(2, "spread") * torch.tensor([0.3, 0.05]) + torch.tensor([1.0, 0.0])).T
        angle = 2 * math.pi * arm / self.arms + self.swirl * x.exp()
        turned = torch.stack([angle.cos() * x - angle.sin() * y, angle.sin() * x + angle.cos() * y], 1)
        return Shape(2 * turned, arm / max(1, self.arms - 1), arm)
