"""The black squares of a checkerboard."""

from __future__ import annotations

import torch
from pydantic import Field

from .cloud import Cloud, Draws, Shape

__all__ = ["Checkerboard"]


class Checkerboard(Cloud):
    """Points uniform over every other square of a checkerboard on [−2, 2]², starting with the lower left one.

    Hue runs along the diagonal.
    """

    squares: int = Field(default=4, ge=1, le=1000)
    """Number of squares along each side."""

    def shape(self, draw: Draws) -> Shape:
        k = self.squares
        filled = torch.tensor([(i, j) for i in range(k) for j in range(k) if (i + j) % 2 == 0], dtype=torch.float64)
        square = (draw.uniform("square") * len(filled)).long()
        within = torch.stack([draw.uniform("across"), draw.uniform("up")], 1)
        x = 4 * (filled[square] + within) / k - 2
        return Shape(x, x.sum(1) / 8 + 0.5)
