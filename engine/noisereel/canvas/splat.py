"""Splatting: many dots at sub-pixel positions, blended so that their order does not matter.

Dots of opacity a_i let a share T = Π (1 − a_i) of the background through. With w_i = −log(1 − a_i), a pixel becomes

    T · background + (1 − T) · Σ w_i c_i / Σ w_i,    T = exp(−Σ w_i).

For one colour this equals painting one dot after the other; several colours are averaged by their weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..contracts.geometry import Floats, Rect
from .stamps import Stamp

__all__ = ["Splatter", "fits", "mix", "tint"]

_CHUNK = 1 << 15
"""Numbers processed at a time: few enough for the processor's cache."""

_SLACK = 0.05
"""Pixels that a disc may extend outside and still fit, because positions are rounded."""

Pixels = NDArray[np.uint8]
Plane = NDArray[np.float32]
Planes = NDArray[np.float32]


def fits(centres: Floats, clip: Rect, radius: float) -> NDArray[np.bool_]:
    """Return which discs are entirely inside a rectangle; discs at NaN or infinity are not."""
    x, y, radius = centres[:, 0], centres[:, 1], radius - _SLACK
    across = (x >= clip.left + radius) & (x <= clip.right - radius)
    return across & (y >= clip.top + radius) & (y <= clip.bottom - radius)


class Splatter:
    """Blends dots over frames; reuses its memory from frame to frame."""

    def __init__(self) -> None:
        self._memory = np.empty(0, np.float32)

    def splat(
        self,
        pixels: Pixels,
        clip: Rect,
        stamp: Stamp,
        centres: Floats,
        color: NDArray[np.float32],
        weights: NDArray[np.float32] | None = None,
    ) -> None:
        """Blend dots over a frame, in place.

        Args:
            pixels: The frame, shape (H, W, 3).
            clip: Where they may be painted.
            stamp: The look of a dot.
            centres: Finite positions in frame pixels, near or in the clip, shape (n, 2), float32.
            color: RGB in [0, 255]: one colour, shape (3,), or one per dot, shape (n, 3).
            weights: Factor of each dot's optical depth, shape (n,); 1 if None.
        """
        if not len(centres):
            return
        window = _window(centres, stamp.size)
        planes = self._planes(1 if color.ndim == 1 else 4, window)
        for part in _parts(len(centres), _CHUNK // stamp.size**2):
            shades = color[part] if color.ndim == 2 else None
            _scatter(planes, window, stamp, centres[part], shades, None if weights is None else weights[part])
        _compose(pixels, clip, window, planes, color)

    def _planes(self, count: int, window: Rect) -> Planes:
        """Return zeros, shape (count, rows · columns)."""
        area = window.width * window.height
        if self._memory.size < count * area:
            self._memory = np.empty(count * area, np.float32)
        planes = self._memory[: count * area].reshape(count, area)
        planes[...] = 0
        return planes


def _window(centres: Floats, size: int) -> Rect:
    """Return a rectangle that holds the windows of all dots, wherever their centres are within them."""
    (left, right), (top, bottom) = (
        (int(np.floor(axis.min())) - size, int(np.floor(axis.max())) + size + 1)
        for axis in (centres[:, 0], centres[:, 1])
    )
    return Rect(left, top, right - left, bottom - top)


def _parts(n: int, length: int) -> Iterator[slice]:
    length = max(1, length)
    return (slice(begin, begin + length) for begin in range(0, n, length))


def _scatter(
    planes: Planes,
    window: Rect,
    stamp: Stamp,
    centres: Floats,
    color: NDArray[np.float32] | None,
    weights: NDArray[np.float32] | None,
) -> None:
    """Add the dots' depths, and their depths times their colours, to the planes."""
    corners, depths = stamp.windows(centres)
    if weights is not None:
        depths *= weights[:, None]
    first = (corners[:, 1] - window.top) * window.width + (corners[:, 0] - window.left)
    inside = (np.arange(stamp.size)[:, None] * window.width + np.arange(stamp.size)).ravel()
    index = (first[:, None] + inside).ravel()
    np.add.at(planes[0], index, depths.ravel())
    if color is not None:
        for plane, channel in zip(planes[1:], color.T, strict=True):
            np.add.at(plane, index, (depths * channel[:, None]).ravel())


def _compose(pixels: Pixels, clip: Rect, window: Rect, planes: Planes, color: NDArray[np.float32]) -> None:
    """Blend the accumulated planes over the frame, where the window overlaps the clip."""
    left, right = max(window.left, clip.left), min(window.right, clip.right)
    top, bottom = max(window.top, clip.top), min(window.bottom, clip.bottom)
    if right <= left or bottom <= top:
        return
    columns = slice(left - window.left, right - window.left)
    accumulated = planes.reshape(len(planes), window.height, window.width)[:, top - window.top :, columns]
    for rows in _parts(bottom - top, _CHUNK // (right - left)):
        region = pixels[top:bottom, left:right][rows]
        depths, *light = accumulated[:, : bottom - top][:, rows]
        through = np.exp(-depths)
        if color.ndim == 1:
            tint(region, through, color.tolist())
        else:
            share = (1 - through) / np.maximum(depths, np.float32(1e-12))
            mix(region, through, [plane * share for plane in light])


def tint(region: Pixels, through: Plane, color: Sequence[float]) -> None:
    """Lay one colour over pixels, in place; ``through`` is the share of each pixel that remains, in [0, 1]."""
    for channel, value in enumerate(color):
        seen = region[..., channel] - np.float32(value)
        seen *= through
        seen += np.float32(value + 0.5)  # the half rounds to the nearest byte
        region[..., channel] = seen


def mix(region: Pixels, through: Plane, light: Sequence[Plane]) -> None:
    """Lay premultiplied colours over pixels, in place: light + through · pixels."""
    for channel, plane in enumerate(light):
        seen = region[..., channel] * through
        seen += plane
        seen += np.float32(0.5)
        region[..., channel] = seen
