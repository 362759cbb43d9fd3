"""A cross: two bars."""

from __future__ import annotations

import torch
from pydantic import Field

from .cloud import Cloud, Draws, Shape, choose

__all__ = ["Cross"]


class Cross(Cloud):
    """Points uniform over a cross within [−1, 1]²; hue and label distinguish bar, left arm and right arm."""

    width: float = Field(default=0.3, gt=0, lt=2)
    """Width of the bars."""

    def shape(self, draw: Draws) -> Shape:
        w = self.width / 2
        boxes = torch.tensor([[[-w, -1], [w, 1]], [[-1, -w], [-w, w]], [[w, -w], [1, w]]], dtype=torch.float64)
        sides = boxes[:, 1] - boxes[:, 0]
        part = choose(sides.prod(1), draw.uniform("part"))
        u = torch.stack([draw.uniform("across"), draw.uniform("up")], 1)
        return Shape(boxes[part, 0] + u * sides[part], torch.tensor([0.0, 0.5, 1.0])[part], part)
