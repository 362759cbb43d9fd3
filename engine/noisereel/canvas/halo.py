"""The soft edge around words, which parts them from what lies behind: rings one over the other."""

from __future__ import annotations

from itertools import product
from math import ceil, hypot, prod

import numpy as np
from numpy.typing import NDArray

__all__ = ["RINGS", "STRENGTH", "grown"]

RINGS = (2.0, 3.5, 5.0)
"""How far each ring reaches, in design pixels."""

STRENGTH = 0.5
"""Opacity of one ring: 0.875 close to the words, 0.5 where they end."""


def grown(mask: NDArray[np.float32], scale: float) -> tuple[NDArray[np.float32], int]:
    """Coverage of the edge around words and of their own place, and by how many pixels it is wider on every side.

    Args:
        mask: Coverage of the words, shape (h, w).
        scale: Frame pixels in a design pixel.
    """
    edge = ceil(max(RINGS) * scale + 1)
    (height, width), solid = mask.shape, np.minimum(2 * mask, np.float32(1))  # thin strokes fill no pixel wholly
    out = np.zeros((height + 2 * edge, width + 2 * edge), np.float32)
    for down, right in product(range(-edge, edge + 1), repeat=2):
        if opacity := _opacity(hypot(down, right), scale):
            part = out[edge + down :, edge + right :][:height, :width]
            np.maximum(part, np.float32(opacity) * solid, out=part)
    return out, edge


def _opacity(distance: float, scale: float) -> float:
    """Of all rings together, so many pixels from the middle of one that words cover, whose edge is half a pixel off."""
    return 1 - prod(1 - STRENGTH * min(max(ring * scale + 1 - distance, 0.0), 1.0) for ring in RINGS)
