"""A tree: a trunk that forks repeatedly."""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Tensor

from .cloud import Cloud, Draws, Shape, along

__all__ = ["Tree"]


class Tree(Cloud):
    """Points spread evenly along the branches of a tree, each of which forks into two shorter ones.

    It is centred and 3 high. Hue runs from the trunk to the twigs; the label is 0 for the trunk, and 1 or 2 for
    everything that grows from the left or right branch of the first fork.
    """

    forks: int = Field(default=6, ge=0, le=16)
    """Number of successive forks."""
    angle: float = Field(default=28.0, ge=0, le=180)
    """Angle between a branch and the one that it grows from, in degrees."""
    shrink: float = Field(default=0.75, gt=0, le=1)
    """Length of a branch, relative to the one that it grows from."""
    noise: float = Field(default=0.01, ge=0, allow_inf_nan=False)
    """Standard deviation of Gaussian noise on each coordinate."""

    def shape(self, draw: Draws) -> Shape:
        segments, fork, side = self._branches()
        low, high = segments.flatten(0, 1).amin(0), segments.flatten(0, 1).amax(0)
        segments = (segments - (low + high) / 2) * (3 / (high - low)[1])
        x, branch = along(segments, draw.uniform("place"))
        return Shape(x, fork[branch] / max(1, self.forks), side[branch])

    def _branches(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return each branch's ends, shape (k, 2, 2), the forks between it and the trunk, and its side, shape (k,)."""
        turn = math.radians(self.angle)
        ends, fork, side = [], [], []
        growing = [(0j, math.pi / 2, 0)]
        for depth in range(self.forks + 1):
            tips = [(z, z + self.shrink**depth * complex(math.cos(a), math.sin(a)), a, s) for z, a, s in growing]
            ends += [[[z.real, z.imag], [tip.real, tip.imag]] for z, tip, _, _ in tips]
            fork += [depth] * len(tips)
            side += [s for *_, s in tips]
            growing = [(tip, a + sign * turn, s or (1 if sign > 0 else 2)) for _, tip, a, s in tips for sign in (1, -1)]
        return torch.tensor(ends, dtype=torch.float64), torch.tensor(fork), torch.tensor(side)
