"""The posterior mean from the few blocks of data that are near enough to matter."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor

from .kd_blocks import kd_blocks

__all__ = ["Blocks"]

_SIZE = 32  # points a block, at most
_GROUP = 16  # blocks a group: boxes are looked through in two stages
_ROWS = 1024  # queries at a time
_PAIRS = 500_000  # query-point pairs at a time
_NOWHERE = 1e150  # a coordinate that no query comes near; its square is finite, times exp(_LEAST) it is nothing
_LEAST = -700.0  # exponents below it count as it: exp is ten times slower where it underflows
_LOST = 1e-16  # what leaving out far blocks may change of a sum of weights


@dataclass(frozen=True, slots=True)
class Boxes:
    """Bounding boxes; corners of shape (D, boxes)."""

    low: Tensor
    high: Tensor

    def grouped(self, size: int) -> Boxes:
        """The boxes around every ``size`` consecutive ones."""
        shape = (len(self.low), -1, size)
        return Boxes(self.low.view(shape).amin(2), self.high.view(shape).amax(2))

    def apart(self, y: Tensor, which: Tensor | slice = slice(None)) -> Tensor:
        """Squared distances from points y, shape (D, m, 1), to all boxes, or to those of ``which``, shape (m, k)."""
        sides = zip(self.low, self.high, y, strict=True)
        gaps = (torch.maximum(low[which] - at, at - high[which]).clamp_(min=0) for low, high, at in sides)
        return _sum_of_squares(gaps)


@dataclass(frozen=True, slots=True)
class Blocks:
    """Data in compact blocks, each with its bounding box.

    With r the distance from a query to one point near it, data farther away than √(r² + 2s²·ln(n/1e-16)) hold, all
    together, no weight that float64 would see. What is left is summed pair by pair in float64. A row's result depends
    on no other row, and is as good far from the data as near it.

    Attributes:
        points: Shape (blocks, D, size), float64; places that only fill up a block are put far away.
        boxes: A box for each block.
        groups: A box for every few consecutive blocks.
        n: Number of points.
    """

    points: Tensor
    boxes: Boxes
    groups: Boxes
    n: int

    @classmethod
    def of(cls, x0: Tensor) -> Blocks:
        """Order data of shape (n, D), float64."""
        order = kd_blocks(x0, _SIZE)
        points = x0[order.clamp(max=len(x0) - 1)]
        boxes = Boxes(points.amin(1).T, points.amax(1).T)
        points = points.masked_fill((order >= len(x0))[:, :, None], _NOWHERE).mT.contiguous()
        return cls(points, boxes, boxes.grouped(min(_GROUP, len(order))), len(x0))

    def mean(self, y: Tensor, s: float) -> Tensor:
        """Σ w_i x_i with w = softmax(−|y−x_i|²/2s²).

        Args:
            y: Finite queries, shape (m, D), float64.
            s: Width of the kernel, σ/α.
        """
        return torch.cat([self._mean(part, s) for part in torch.split(y, _ROWS)])

    def _mean(self, y: Tensor, s: float) -> Tensor:
        row, block = self._near(y, 2 * s * s * math.log(self.n / _LOST))
        if len(row) * self.points.shape[2] > _PAIRS and len(y) > 1:
            return torch.cat([self._mean(half, s) for half in y.tensor_split(2)])
        points = self.points[block]
        logits = _squares(points - y[row, :, None]).mul_(-0.5 / s**2)
        top = logits.new_full((len(y),), -math.inf).scatter_reduce_(0, row, logits.amax(1), "amax")
        weights = logits.sub_(top[row, None]).clamp_(min=_LEAST).exp_()
        total = torch.zeros_like(top).index_add_(0, row, weights.sum(1))
        sums = torch.zeros_like(y).index_add_(0, row, points.mul_(weights[:, None]).sum(2))
        return sums / total[:, None]

    def _near(self, y: Tensor, margin: float) -> tuple[Tensor, Tensor]:
        """Pairs (row, block) that hold all points whose squared distance is within ``margin`` of the least."""
        at = y.T[:, :, None]
        apart = self.groups.apart(at)
        inside = torch.arange(len(self.points), device=y.device).view(apart.shape[1], -1)
        children = inside[apart.argmin(1)]
        closest = children.gather(1, self.boxes.apart(at, children).argmin(1, keepdim=True)).squeeze(1)
        limit = _squares(self.points[closest] - y[:, :, None]).amin(1) + margin
        row, group = (apart <= limit[:, None]).nonzero(as_tuple=True)
        near = self.boxes.apart(at[:, row], inside[group]) <= limit[row, None]
        return row[:, None].expand_as(near)[near], inside[group][near]


def _squares(differences: Tensor) -> Tensor:
    """Squared lengths of vectors, of shape (…, D, size), which are used up."""
    return _sum_of_squares(differences.unbind(1))


def _sum_of_squares(parts: Iterable[Tensor]) -> Tensor:
    return reduce(Tensor.add_, (part.square_() for part in parts))
