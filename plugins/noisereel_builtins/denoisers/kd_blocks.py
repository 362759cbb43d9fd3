"""Points in blocks of equal size, each a compact neighbourhood."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["kd_blocks"]

_HALVINGS = 2  # of a block per sort: quarters are twice as fast as halves, and hardly less compact


def kd_blocks(points: Tensor, most: int) -> Tensor:
    """Split points at the quartiles of their widest axis until no block holds more than ``most``.

    Args:
        points: Finite points, shape (n, D).
        most: Upper bound on the size of a block.

    Returns:
        Indices of the points, shape (2^k, size), int64: every index below n once; indices from n on are padding.
        Consecutive blocks are neighbours, and so are consecutive pairs of blocks, and so on.
    """
    n = len(points)
    depth = max(0, (-(-n // most) - 1).bit_length())
    size = -(-n // 2**depth)
    blocks = torch.arange(size << depth, device=points.device)[None]
    for done in range(0, depth, _HALVINGS):
        members = points[blocks.clamp(max=n - 1)]
        widest = (members.amax(1) - members.amin(1)).argmax(1)
        key = members.gather(2, widest[:, None, None].expand(-1, members.shape[1], 1)).squeeze(2)
        parts = len(blocks) << min(_HALVINGS, depth - done)
        blocks = blocks.gather(1, key.argsort(dim=1, stable=True)).view(parts, -1)
    return blocks
