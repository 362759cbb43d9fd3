"""The posterior mean from the few blocks of data that are near enough to matter."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor

from .kd_blocks import kd_blocks

__all__ = ["Blocks"]

_SIZE = 32  # points a block, and queries a tile, at most
_TOGETHER = 250_000  # numbers in the matrices that are handled together
_BOXES = 100_000  # pairs of boxes that are handled together
_LEAST = -80.0  # exponents below it count as it: exp is ten times slower where it underflows
_LOST = 1e-8  # what leaving out far blocks may change of a sum of weights


@dataclass(frozen=True, slots=True)
class Boxes:
    """Bounding boxes; corners of shape (D, boxes)."""

    low: Tensor
    high: Tensor

    @classmethod
    def around(cls, points: Tensor) -> Boxes:
        """A box around each group of points, which have shape (D, boxes, size)."""
        return cls(points.amin(2), points.amax(2))

    @property
    def middle(self) -> Tensor:
        """Their centres, shape (D, boxes)."""
        return (self.low + self.high) / 2

    def apart(self, others: Boxes) -> Tensor:
        """Squared distances to other boxes, shape (boxes, others)."""
        axes = zip(self.low[:, :, None], self.high[:, :, None], others.low, others.high, strict=True)
        gaps = (torch.maximum(low - b, a - high).clamp_(min=0).square_() for low, high, a, b in axes)
        return reduce(Tensor.add_, gaps)


@dataclass(frozen=True, slots=True)
class Blocks:
    """Data in compact blocks, each with its bounding box.

    Queries are put into compact tiles, too. With r the distance from a query to one point near it, data farther away
    than √(r² + 2s²·ln(n/1e-8)) hold, all together, no weight that matters; so a tile needs only the blocks within the
    largest of these distances. About a place c among them, −|y−x|²/2s² is (y−c)·(x−c)/s² − |x−c|²/2s² but for a term
    that all x share: a small matrix product, in float64 as good far from the data as near them.

    Attributes:
        points: Coordinates, and as the last a logit: 0, or −∞ for what only fills up a block; shape
            (D + 1, blocks, size), float64.
        boxes: A box for each block.
        n: Number of points.
    """

    points: Tensor
    boxes: Boxes
    n: int

    @classmethod
    def of(cls, x0: Tensor) -> Blocks:
        """Order data of shape (n, D), float64."""
        order = _compact(x0)
        points = x0.T[:, order.clamp(max=len(x0) - 1)]
        logit = torch.zeros_like(points[:1]).masked_fill_(order >= len(x0), -math.inf)
        return cls(torch.cat([points, logit]), Boxes.around(points), len(x0))

    def mean(self, y: Tensor, s: float) -> Tensor:
        """Σ w_i x_i with w = softmax(−|y−x_i|²/2s²).

        Args:
            y: Finite queries, shape (m, D), float64.
            s: Width of the kernel, σ/α.
        """
        order = _compact(y)
        tiles = y.T[:, order.clamp(max=len(y) - 1)]
        means = torch.empty_like(tiles)
        for part in torch.split(torch.arange(tiles.shape[1]), max(1, _BOXES // self.points.shape[1])):
            for some, blocks in self._near(tiles[:, part], s):
                means[:, part[some]] = self._mean(tiles[:, part[some]], blocks, s)
        rows = y.new_empty(len(y) + 1, y.shape[1])
        return rows.index_copy_(0, order.clamp(max=len(y)).flatten(), means.flatten(1).T)[:-1]

    def _near(self, tiles: Tensor, s: float) -> Iterator[tuple[Tensor, Tensor]]:
        """Some of the tiles, and the blocks that each needs, or more; in the end all tiles."""
        around = Boxes.around(tiles)
        nearest = torch.cdist(around.middle.T, self.boxes.middle.T).argmin(1, keepdim=True)
        centre, _, logits = self._logits(tiles, nearest, s)
        least = ((tiles - centre) / s).square().sum(0) - 2 * logits.amax(2)
        limit = s**2 * (least.amax(1, keepdim=True) + 2 * math.log(self.n / _LOST))
        apart = around.apart(self.boxes)
        counts, order = (apart <= limit).sum(1).sort(descending=True, stable=True)
        most, pairs, start = counts.tolist(), tiles.shape[2] * self.points.shape[2], 0
        while start < len(order):
            stop = start + max(1, _TOGETHER // (most[start] * pairs))
            some = order[start:stop]
            yield some, apart[some].topk(most[start], largest=False).indices
            start = stop

    def _mean(self, tiles: Tensor, blocks: Tensor, s: float) -> Tensor:
        centre, points, logits = self._logits(tiles, blocks, s)
        logits -= logits.amax(2, keepdim=True)
        weights = logits.float().clamp_(min=_LEAST).exp_().double()  # exp is three times faster in float32
        points[-1] = 1
        sums = (weights @ points.permute(1, 2, 0)).permute(2, 0, 1)
        return centre + s * sums[:-1] / sums[-1]

    def _logits(self, tiles: Tensor, blocks: Tensor, s: float) -> tuple[Tensor, Tensor, Tensor]:
        """A place near each tile; the points of its blocks about it, in units of s; −|y−x|²/2s² but for |y|²."""
        centre = self.boxes.middle[:, blocks[:, 0], None]
        points = self.points[:, blocks].flatten(2)
        points[-1] -= points[:-1].sub_(centre).div_(s).square().sum(0) / 2
        y = torch.cat([(tiles - centre) / s, torch.ones_like(tiles[:1])])
        return centre, points, y.permute(1, 2, 0) @ points.transpose(0, 1)


def _compact(points: Tensor) -> Tensor:
    """Indices of points in compact blocks that each hold one at least, shape (blocks, size); n and more fill up."""
    order = kd_blocks(points, _SIZE)
    return order[order.amin(1) < len(points)]
