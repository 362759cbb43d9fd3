"""Halos: soft edges that separate text from the picture behind it, made of overlapping rings."""

from __future__ import annotations

from itertools import product
from math import ceil, hypot, prod

import numpy as np
from numpy.typing import NDArray

__all__ = ["RINGS", "STRENGTH", "grown"]

RINGS = (2.0, 3.5, 5.0)
"""Width of each ring around the text, in design pixels."""

STRENGTH = 0.5
"""Opacity of one ring; together 0.875 close to the text, and 0.5 at the outer edge."""


def grown(mask: NDArray[np.float32], scale: float) -> tuple[NDArray[np.float32], int]:
    """Return the coverage of a text's halo, including the text's own area, and its extra pixels on every side.

    Args:
        mask: Coverage of the text, shape (h, w).
        scale: Frame pixels in a design pixel.
    """
    edge = ceil(max(RINGS) * scale + 1)
    (height, width), solid = mask.shape, np.minimum(2 * mask, np.float32(1))  # thin strokes cover no pixel completely
    out = np.zeros((height + 2 * edge, width + 2 * edge), np.float32)
    for down, right in product(range(-edge, edge + 1), repeat=2):
        if opacity := _opacity(hypot(down, right), scale):
            part = out[edge + down :, edge + right :][:height, :width]
            np.maximum(part, np.float32(opacity) * solid, out=part)
    return out, edge


def _opacity(distance: float, scale: float) -> float:
    """Return the opacity of all rings together, at a distance in pixels from the centre of a covered pixel.

    Rings begin at the pixel's edge, half a pixel from its centre.
    """
    return 1 - prod(1 - STRENGTH * min(max(ring * scale + 1 - distance, 0.0), 1.0) for ring in RINGS)
