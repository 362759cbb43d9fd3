"""Posterior means from the few blocks of data that are near enough to matter."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor

from .kd_blocks import kd_blocks

__all__ = ["Blocks"]

_SIZE = 32  # maximum number of points in a block, and of queries in a tile
_MAX_NUMBERS = 250_000  # numbers in the matrices that are processed at a time
_MAX_PAIRS = 100_000  # pairs of boxes that are compared at a time
_MIN_EXPONENT = -80.0  # smaller exponents are clamped: exp is ten times slower where it underflows
_TOLERANCE = 1e-8  # relative change of a sum of weights by leaving out far blocks


@dataclass(frozen=True, slots=True)
class Boxes:
    """Bounding boxes, given by their corners, shape (D, boxes)."""

    low: Tensor
    high: Tensor

    @classmethod
    def around(cls, points: Tensor) -> Boxes:
        """Return a box around each group of points, shape (D, boxes, size)."""
        return cls(points.amin(2), points.amax(2))

    @property
    def middle(self) -> Tensor:
        """Centres of the boxes, shape (D, boxes)."""
        return (self.low + self.high) / 2

    def squared_distances(self, others: Boxes) -> Tensor:
        """Return the squared distances to other boxes, shape (boxes, others)."""
        axes = zip(self.low[:, :, None], self.high[:, :, None], others.low, others.high, strict=True)
        gaps = (torch.maximum(low - b, a - high).clamp_(min=0).square_() for low, high, a, b in axes)
        return reduce(Tensor.add_, gaps)


@dataclass(frozen=True, slots=True)
class Blocks:
    """Data in compact blocks, each with its bounding box.

    Queries are grouped into compact tiles. If r is the distance from a query to some point near it, all data farther
    away than √(r² + 2s²·ln(n/1e-8)) have a negligible weight, even together; so a tile only needs the blocks within
    the largest of these distances. Relative to a centre c near them, −|y−x|²/2s² is (y−c)·(x−c)/s² − |x−c|²/2s² up to
    a term that does not depend on x: a small matrix product, in float64 as accurate far from the data as near them.

    Attributes:
        points: Coordinates, followed by a logit: 0, or −∞ for padding; shape (D + 1, blocks, size), float64.
        boxes: The bounding box of each block.
        n: Number of points.
    """

    points: Tensor
    boxes: Boxes
    n: int

    @classmethod
    def of(cls, x0: Tensor) -> Blocks:
        """Arrange data of shape (n, D), float64, in blocks."""
        order = _compact(x0)
        points = x0.T[:, order.clamp(max=len(x0) - 1)]
        logit = torch.zeros_like(points[:1]).masked_fill_(order >= len(x0), -math.inf)
        return cls(torch.cat([points, logit]), Boxes.around(points), len(x0))

    def mean(self, y: Tensor, s: float) -> Tensor:
        """Return Σ w_i x_i with w = softmax(−|y−x_i|²/2s²).

        Args:
            y: Finite queries, shape (m, D), float64.
            s: Width of the kernel, σ/α.
        """
        order = _compact(y)
        tiles = y.T[:, order.clamp(max=len(y) - 1)]
        means = torch.empty_like(tiles)
        for part in torch.split(torch.arange(tiles.shape[1]), max(1, _MAX_PAIRS // self.points.shape[1])):
            for group, blocks in self._near(tiles[:, part], s):
                means[:, part[group]] = self._mean(tiles[:, part[group]], blocks, s)
        rows = y.new_empty(len(y) + 1, y.shape[1])
        return rows.index_copy_(0, order.clamp(max=len(y)).flatten(), means.flatten(1).T)[:-1]

    def _near(self, tiles: Tensor, s: float) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the tiles in groups, and for each tile the blocks that it needs, or more."""
        boxes = Boxes.around(tiles)
        nearest = torch.cdist(boxes.middle.T, self.boxes.middle.T).argmin(1, keepdim=True)
        centre, _, logits = self._logits(tiles, nearest, s)
        closest = ((tiles - centre) / s).square().sum(0) - 2 * logits.amax(2)
        limit = s**2 * (closest.amax(1, keepdim=True) + 2 * math.log(self.n / _TOLERANCE))
        distances = boxes.squared_distances(self.boxes)
        counts, order = (distances <= limit).sum(1).sort(descending=True, stable=True)
        needed, pairs, start = counts.tolist(), tiles.shape[2] * self.points.shape[2], 0
        while start < len(order):
            stop = start + max(1, _MAX_NUMBERS // (needed[start] * pairs))
            group = order[start:stop]
            yield group, distances[group].topk(needed[start], largest=False).indices
            start = stop

    def _mean(self, tiles: Tensor, blocks: Tensor, s: float) -> Tensor:
        centre, points, logits = self._logits(tiles, blocks, s)
        logits -= logits.amax(2, keepdim=True)
        weights = logits.float().clamp_(min=_MIN_EXPONENT).exp_().double()  # exp is three times faster in float32
        points[-1] = 1
        sums = (weights @ points.permute(1, 2, 0)).permute(2, 0, 1)
        return centre + s * sums[:-1] / sums[-1]

    def _logits(self, tiles: Tensor, blocks: Tensor, s: float) -> tuple[Tensor, Tensor, Tensor]:
        """Return each tile's centre, its blocks' points relative to it over s, and −|y−x|²/2s² without |y|²."""
        centre = self.boxes.middle[:, blocks[:, 0], None]
        points = self.points[:, blocks].flatten(2)
        points[-1] -= points[:-1].sub_(centre).div_(s).square().sum(0) / 2
        y = torch.cat([(tiles - centre) / s, torch.ones_like(tiles[:1])])
        return centre, points, y.permute(1, 2, 0) @ points.transpose(0, 1)


def _compact(points: Tensor) -> Tensor:
    """Return indices of points in compact blocks, none empty, shape (blocks, size); indices from n on are padding."""
    order = kd_blocks(points, _SIZE)
    return order[order.amin(1) < len(points)]
