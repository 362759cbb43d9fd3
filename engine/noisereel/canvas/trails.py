"""Trails as rows of spots, close enough together to look like lines that fade smoothly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..contracts.geometry import Floats, Rect

__all__ = ["Spots", "spots"]


@dataclass(frozen=True, slots=True, eq=False)
class Spots:
    """Points along trails.

    Attributes:
        centres: Positions in frame pixels, shape (m, 2), float32.
        length: The length of line in pixels that each stands for, shape (m,).
        age: Where on its trail each lies, from 0 at the oldest end to 1 at the newest, shape (m,).
        owner: Whose trail each is on, shape (m,).
    """

    centres: NDArray[np.float32]
    length: NDArray[np.float32]
    age: NDArray[np.float32]
    owner: NDArray[np.intp]


def spots(xy: Floats, clip: Rect, reach: float, spacing: float) -> Spots:
    """Spots along trails, none where one end of a segment is not finite.

    Args:
        xy: Positions in frame pixels, shape (k, n, 2), oldest first, k ≥ 2.
        clip: What is seen.
        reach: How far outside it a spot is still seen, in pixels.
        spacing: Distance between spots in pixels, at most.
    """
    steps, n = len(xy) - 1, xy.shape[1]
    tail = xy[:-1].reshape(-1, 2)
    with np.errstate(invalid="ignore"):
        way = xy[1:].reshape(-1, 2) - tail
        begin, end = _seen(tail, way, clip, reach)
        length = np.hypot(way[:, 0], way[:, 1]) * (end - begin)
    count = np.ceil(np.where(length > 0, length, 0) / spacing).astype(np.intp)
    apart = (end - begin) / np.maximum(count, 1)
    first = begin + apart / 2
    old = (np.arange(len(count)) // n + first) / steps
    rows = np.column_stack([tail + way * first[:, None], old, way * apart[:, None], apart / steps]).astype(np.float32)
    segment = np.repeat(np.arange(len(count)), count)
    turn = np.arange(len(segment)) - np.repeat(np.cumsum(count) - count, count)
    placed = rows.take(segment, axis=0)
    at = placed[:, :3] + placed[:, 3:] * turn.astype(np.float32)[:, None]
    each = (length / np.maximum(count, 1)).astype(np.float32)
    return Spots(at[:, :2], each[segment], at[:, 2], segment % n)


def _seen(tail: Floats, way: Floats, clip: Rect, reach: float) -> tuple[Floats, Floats]:
    """Between which shares of their way segments are in the clip widened by reach; (0, 0) where never."""
    begin, end = np.zeros(len(tail), tail.dtype), np.ones(len(tail), tail.dtype)
    for axis, low, high in ((0, clip.left, clip.right), (1, clip.top, clip.bottom)):
        with np.errstate(divide="ignore"):
            one, other = (low - reach - tail[:, axis]) / way[:, axis], (high + reach - tail[:, axis]) / way[:, axis]
        begin, end = np.fmax(begin, np.fmin(one, other)), np.fmin(end, np.fmax(one, other))
    seen = np.isfinite(tail).all(axis=1) & np.isfinite(way).all(axis=1) & (end > begin)
    return np.where(seen, begin, 0), np.where(seen, end, 0)
