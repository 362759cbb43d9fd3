"""A tree: a trunk that forks, and forks again."""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Tensor

from .cloud import Cloud, Draws, Shape, along

__all__ = ["Tree"]


class Tree(Cloud):
    """Points spread evenly over the branches of a tree that forks in two, branches growing shorter and turning apart.

    It is centred and 3 high. Hue runs from the trunk to the twigs; the label is the branch of the first fork that a
    point's own one grows from: 0 the trunk, 1 the left, 2 the right.
    """

    forks: int = Field(default=6, ge=0, le=16)
    """How often it forks."""
    angle: float = Field(default=28.0, ge=0, le=180)
    """How far a branch turns off, in degrees."""
    shrink: float = Field(default=0.75, gt=0, le=1)
    """Length of a branch, as a share of the one that it grows from."""
    noise: float = Field(default=0.01, ge=0, allow_inf_nan=False)
    """Standard deviation of Gaussian noise on each coordinate."""

    def shape(self, draw: Draws) -> Shape:
        segments, fork, side = self._branches()
        low, high = segments.flatten(0, 1).amin(0), segments.flatten(0, 1).amax(0)
        segments = (segments - (low + high) / 2) * (3 / (high - low)[1])
        x, branch = along(segments, draw.uniform("place"))
        return Shape(x, fork[branch] / max(1, self.forks), side[branch])

    def _branches(self) -> tuple[Tensor, Tensor, Tensor]:
        """Of every branch its ends, shape (k, 2, 2), after how many forks it grows, and on which side, shape (k,)."""
        turn = math.radians(self.angle)
        ends, fork, side = [], [], []
        growing = [(0j, math.pi / 2, 0)]
        for depth in range(self.forks + 1):
            tips = [(z, z + self.shrink**depth * complex(math.cos(a), math.sin(a)), a, s) for z, a, s in growing]
            ends += [[[z.real, z.imag], [tip.real, tip.imag]] for z, tip, _, _ in tips]
            fork += [depth] * len(tips)
            side += [s for *_, s in tips]
            growing = [(tip, a + way * turn, s or (1 if way > 0 else 2)) for _, tip, a, s in tips for way in (1, -1)]
        return torch.tensor(ends, dtype=torch.float64), torch.tensor(fork), torch.tensor(side)
