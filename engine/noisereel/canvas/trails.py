"""Trails: rows of spots, close enough together to look like lines that fade smoothly."""

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
        length: Length of line in pixels that each represents, shape (m,).
        age: Position of each on its trail, from 0 at the oldest end to 1 at the newest, shape (m,).
        owner: Index of each one's trail, shape (m,).
    """

    centres: NDArray[np.float32]
    length: NDArray[np.float32]
    age: NDArray[np.float32]
    owner: NDArray[np.intp]


def spots(xy: Floats, clip: Rect, reach: float, spacing: float) -> Spots:
    """Return spots along trails, none on segments with an end that is not finite.

    Args:
        xy: Positions in frame pixels, shape (k, n, 2), oldest first, k ≥ 2.
        clip: The visible part of the frame.
        reach: Distance outside the clip, in pixels, at which a spot is still visible.
        spacing: Largest distance between spots, in pixels.
    """
    steps, n = len(xy) - 1, xy.shape[1]
    tail = xy[:-1].reshape(-1, 2)
    with np.errstate(invalid="ignore"):
        vector = xy[1:].reshape(-1, 2) - tail
        begin, end = _visible(tail, vector, clip, reach)
        length = np.hypot(vector[:, 0], vector[:, 1]) * (end - begin)
    count = np.ceil(np.where(length > 0, length, 0) / spacing).astype(np.intp)
    gap = (end - begin) / np.maximum(count, 1)
    first = begin + gap / 2
    age = (np.arange(len(count)) // n + first) / steps
    rows = np.column_stack([tail + vector * first[:, None], age, vector * gap[:, None], gap / steps]).astype(np.float32)
    segment = np.repeat(np.arange(len(count)), count)
    rank = np.arange(len(segment)) - np.repeat(np.cumsum(count) - count, count)
    placed = rows.take(segment, axis=0)
    at = placed[:, :3] + placed[:, 3:] * rank.astype(np.float32)[:, None]
    share = (length / np.maximum(count, 1)).astype(np.float32)
    return Spots(at[:, :2], share[segment], at[:, 2], segment % n)


def _visible(tail: Floats, vector: Floats, clip: Rect, reach: float) -> tuple[Floats, Floats]:
    """Return the shares of each segment between which it is in the clip widened by reach; (0, 0) if nowhere."""
    begin, end = np.zeros(len(tail), tail.dtype), np.ones(len(tail), tail.dtype)
    for axis, low, high in ((0, clip.left, clip.right), (1, clip.top, clip.bottom)):
        with np.errstate(divide="ignore"):
            at_low = (low - reach - tail[:, axis]) / vector[:, axis]
            at_high = (high + reach - tail[:, axis]) / vector[:, axis]
        begin, end = np.fmax(begin, np.fmin(at_low, at_high)), np.fmin(end, np.fmax(at_low, at_high))
    visible = np.isfinite(tail).all(axis=1) & np.isfinite(vector).all(axis=1) & (end > begin)
    return np.where(visible, begin, 0), np.where(visible, end, 0)
