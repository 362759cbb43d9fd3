"""Boxes in data coordinates, rectangles in pixels, and the view that maps one to the other."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Box", "Corner", "Floats", "Pixels", "Range", "Rect", "View", "design_scale"]

Floats = NDArray[np.floating]
"""Numbers of any precision."""

Pixels = NDArray[np.uint8]
"""One drawn frame, shape (H, W, 3), or (H, W, 4) with straight (not premultiplied) alpha."""

Range = tuple[float, float]
"""(low, high)."""

Corner = Literal["top-left", "top-right", "bottom-left", "bottom-right"]
"""Corner of a panel."""


@dataclass(frozen=True, slots=True)
class Box:
    """Limits in data coordinates; an axis may be None where it does not matter.

    Attributes:
        x: (low, high).
        y: (low, high).
        z: (low, high).
    """

    x: Range | None = None
    y: Range | None = None
    z: Range | None = None

    def union(self, other: Box) -> Box:
        """Return the smallest box around both."""
        return Box(*(_around(a, b) for a, b in zip(self.axes, other.axes, strict=True)))

    @property
    def axes(self) -> tuple[Range | None, Range | None, Range | None]:
        """The three ranges in order."""
        return self.x, self.y, self.z


def _around(a: Range | None, b: Range | None) -> Range | None:
    if a is None or b is None:
        return a or b
    return min(a[0], b[0]), max(a[1], b[1])


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle of the frame, in pixels from its upper left corner.

    Attributes:
        left: First column.
        top: First row.
        width: Columns.
        height: Rows.
    """

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The column just past the last."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """The row just past the last."""
        return self.top + self.height

    def without(self, edge: float) -> Rect:
        """Return the rectangle with an edge removed on all sides, rounded to at least one whole pixel."""
        cut = max(1, round(edge))
        return Rect(self.left + cut, self.top + cut, self.width - 2 * cut, self.height - 2 * cut)


@dataclass(frozen=True, slots=True)
class View:
    """The map from data coordinates to the frame's pixels.

    Attributes:
        rect: The part of the frame that the limits span.
        x: Limits across, (left edge, right edge).
        y: Limits up, (bottom edge, top edge).
        scale: Frame pixels in a design pixel (see `marks`).
    """

    rect: Rect
    x: Range
    y: Range
    scale: float

    @property
    def limits(self) -> Box:
        """The limits as a box."""
        return Box(self.x, self.y)

    @property
    def size(self) -> tuple[float, float]:
        """(width, height) in design pixels."""
        return self.rect.width / self.scale, self.rect.height / self.scale

    def pixels(self, xy: Floats) -> Floats:
        """Return the frame positions of data positions, shape (…, 2), in pixels right of and below the frame's corner.

        Integer positions are pixel corners; pixel centres are at halves.
        """
        out = np.empty(xy.shape, np.float32)
        per_x = self.rect.width / (self.x[1] - self.x[0])
        per_y = self.rect.height / (self.y[1] - self.y[0])
        np.multiply(xy[..., 0] - self.x[0], per_x, out=out[..., 0], casting="unsafe")
        np.multiply(self.y[1] - xy[..., 1], per_y, out=out[..., 1], casting="unsafe")
        out += np.array([self.rect.left, self.rect.top], np.float32)
        return out


def design_scale(size: tuple[int, int]) -> float:
    """Return the frame pixels in a design pixel: 1 at 1280×720, 960×720 and 720×1280, slightly less at 720×720."""
    width, height = size
    return min(height / 720, width / 720, sqrt(width * height / (960 * 720)))
