"""Image marks: pixels copied or resampled to their place in the frame."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from ..contracts.geometry import Pixels, Rect, View
from ..contracts.marks import Image
from .splat import mix

__all__ = ["paint_image"]


class _Span(NamedTuple):
    """One axis: frame pixels [low, high) show a picture's pixels from ``begin`` on, ``step`` per frame pixel."""

    low: int
    high: int
    begin: float
    step: float

    @property
    def length(self) -> int:
        return max(0, self.high - self.low)

    def nearest(self, count: int) -> NDArray[np.intp]:
        """Return the index of the picture's pixel, of ``count``, that each frame pixel shows."""
        at = (self.begin + (np.arange(self.length) + 0.5) * self.step).astype(np.intp)
        return np.minimum(at, count - 1, dtype=np.intp)


def paint_image(pixels: Pixels, mark: Image, view: View, clip: Rect) -> None:
    """Paint a picture on the frame, in place; its edges are rounded to whole frame pixels.

    Args:
        pixels: The frame, shape (H, W, 3).
        mark: The picture.
        view: The panel's limits and pixels.
        clip: Where it may be painted.
    """
    corners = view.pixels(np.array([[mark.box[0], mark.box[3]], [mark.box[1], mark.box[2]]]))
    rows, columns = mark.pixels.shape[:2]
    across = _span(float(corners[0, 0]), float(corners[1, 0]), columns, clip.left, clip.right)
    down = _span(float(corners[0, 1]), float(corners[1, 1]), rows, clip.top, clip.bottom)
    if across.length and down.length:
        region = pixels[down.low : down.high, across.low : across.high]
        _put(region, _resampled(mark.pixels, across, down, mark.smooth))


def _span(start: float, stop: float, count: int, low: int, high: int) -> _Span:
    """Return the overlap of a picture's ``count`` pixels, between two positions, with a range of the frame."""
    first, last = round(start), round(stop)
    step = count / (last - first) if last > first else 0.0
    begin = max(first, low)
    return _Span(begin, min(last, high), (begin - first) * step, step)


def _resampled(picture: NDArray[np.uint8], across: _Span, down: _Span, smooth: bool) -> NDArray[np.uint8]:
    """Return the part of a picture that the frame shows, resampled to the frame's pixels."""
    if across.step == down.step == 1:
        top, left = int(down.begin), int(across.begin)
        return picture[top : top + down.length, left : left + across.length]
    if smooth:
        box = (
            across.begin,
            down.begin,
            min(across.begin + across.length * across.step, picture.shape[1]),
            min(down.begin + down.length * down.step, picture.shape[0]),
        )
        resized = PIL.Image.fromarray(picture).resize((across.length, down.length), PIL.Image.Resampling.BILINEAR, box)
        return np.asarray(resized)
    return picture.take(down.nearest(picture.shape[0]), axis=0).take(across.nearest(picture.shape[1]), axis=1)


def _put(region: Pixels, picture: NDArray[np.uint8]) -> None:
    """Paint grey, RGB or RGBA pixels over a region of the same size."""
    if picture.ndim == 2:
        for channel in range(3):
            region[..., channel] = picture
    elif picture.shape[2] == 3:
        region[...] = picture
    else:
        alpha = picture[..., 3].astype(np.float32) / np.float32(255)
        mix(region, 1 - alpha, [picture[..., channel] * alpha for channel in range(3)])
