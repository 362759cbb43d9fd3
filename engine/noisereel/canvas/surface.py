"""Surface: the RGB pixels of the frame being painted, and matplotlib's Agg renderer for lines and areas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.backend_bases import GraphicsContextBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.path import Path
from matplotlib.transforms import Affine2D, Bbox, IdentityTransform
from numpy.typing import NDArray

from ..contracts.geometry import Pixels, Rect
from .glyphs import Inscription
from .splat import tint

__all__ = ["RGB", "Pen", "Shape", "Strip", "Surface", "closed_path", "open_path"]

RGB = tuple[int, int, int]

_BATCH = 512
"""Faces filled at a time: few enough that hardly any hides another one of the same batch."""


@dataclass(frozen=True, slots=True)
class Pen:
    """The style of a line, in frame pixels.

    Attributes:
        width: Width.
        dashes: Lengths of ink and gap; none for a solid line, whose ends are round.
    """

    width: float
    dashes: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """Something for Agg to draw.

    Attributes:
        path: Positions in frame pixels.
        color: RGB, three bytes.
        alpha: Opacity.
        pen: Pen to draw along the path with, or None to fill it; crossings are painted only once.
    """

    path: Path
    color: RGB
    alpha: float
    pen: Pen | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """Quadrilaterals in one long row for Agg to fill; invisible ones connect faces that are not neighbours.

    Attributes:
        corners: Corners of the upper and the lower side, in frame pixels, shape (2, columns + 1, 2).
        colors: RGBA in [0, 1] of each quadrilateral, shape (columns, 4); the connecting ones are transparent.
    """

    corners: NDArray[np.floating]
    colors: NDArray[np.floating]

    @classmethod
    def of(cls, corners: NDArray[np.floating], faces: NDArray[np.integer], colors: NDArray[np.floating]) -> Strip:
        """Return faces one after the other, neighbours without a connection between them.

        Args:
            corners: Corners in frame pixels, shape (n, 2).
            faces: Indices of the four corners of each face, shape (m, 4), m ≥ 1.
            colors: RGBA of each face, in [0, 1], shape (m, 4).
        """
        is_gap = (faces[:-1, 1] != faces[1:, 0]) | (faces[:-1, 2] != faces[1:, 3])  # to the next face
        last = 1 + np.arange(len(faces)) + np.concatenate([[0], np.cumsum(is_gap)])
        sides, rgba = np.empty((2, last[-1] + 1, 2)), np.zeros((last[-1], 4))
        sides[:, last] = corners[faces[:, [1, 2]].T]
        sides[:, last - 1] = corners[faces[:, [0, 3]].T]
        rgba[last - 1] = colors
        return cls(sides, rgba)


class Surface:
    """A frame to paint on, with matplotlib's Agg renderer for lines and areas.

    Attributes:
        pixels: RGB, shape (H, W, 3).
    """

    def __init__(self, size: tuple[int, int]) -> None:
        width, height = size
        self.bounds = Rect(0, 0, width, height)
        self.pixels: Pixels = np.zeros((height, width, 3), np.uint8)
        agg: Any = RendererAgg  # its methods are not annotated
        self._agg = agg(width, height, 72)
        self._canvas: Pixels = np.asarray(self._agg.buffer_rgba())
        self._canvas[..., 3] = 255
        self._upwards = Affine2D().scale(1, -1).translate(0, height)

    def draw(self, shapes: Sequence[Shape], clip: Rect) -> None:
        """Draw shapes, later ones over earlier ones."""
        reach = 2 + max(shape.pen.width if shape.pen else 0.0 for shape in shapes)
        points = np.concatenate([shape.path.vertices for shape in shapes])
        with self._agg_at(_touched(points, reach, clip)):
            for shape in shapes:
                context, face = self._context(shape.pen or Pen(0), clip), None if shape.pen else _rgba(shape)
                context.set_foreground(_rgba(shape), isRGBA=True)
                self._agg.draw_path(context, shape.path, self._upwards, face)

    def fill(
        self, corners: NDArray[np.floating], faces: NDArray[np.integer], colors: NDArray[np.floating], clip: Rect
    ) -> None:
        """Fill faces, later ones over earlier ones.

        The background shines through between anti-aliased edges of neighbours. Opaque faces are filled twice, which
        reduces it to 6 %, in less than half the time that lines around them would take.

        Args:
            corners: Corners in frame pixels, shape (n, 2).
            faces: Indices of the four corners of each face, shape (m, 4), m ≥ 1.
            colors: RGBA of each face, in [0, 1], shape (m, 4).
            clip: Where they may be painted.
        """
        times = 2 if colors[:, 3].min() == 1 else 1
        with self._agg_at(_touched(corners[faces].reshape(-1, 2), 2, clip)):
            for begin in range(0, len(faces), _BATCH):
                batch = slice(begin, begin + _BATCH)
                strip = Strip.of(corners, faces[batch], colors[batch])
                for _ in range(times):
                    self._fill(strip, clip)

    def _fill(self, strip: Strip, clip: Rect) -> None:
        context, columns = self._context(Pen(0), clip), len(strip.colors)
        offset, identity, no_edges = np.zeros((1, 2)), IdentityTransform(), np.empty((0, 4))
        self._agg.draw_quad_mesh(
            context, self._upwards, columns, 1, strip.corners, offset, identity, strip.colors, True, no_edges
        )

    @contextmanager
    def _agg_at(self, touched: Rect) -> Iterator[None]:
        """Let Agg draw on a part of the frame."""
        frame, agg = (
            pixels[touched.top : touched.bottom, touched.left : touched.right] for pixels in (self.pixels, self._canvas)
        )
        for channel in range(3):  # many times faster than all three at once
            agg[..., channel] = frame[..., channel]
        yield
        for channel in range(3):
            frame[..., channel] = agg[..., channel]

    def _context(self, pen: Pen, clip: Rect) -> GraphicsContextBase:
        height = self.bounds.height
        context: GraphicsContextBase = self._agg.new_gc()
        context.set_linewidth(pen.width)
        context.set_capstyle("butt" if pen.dashes else "round")
        context.set_joinstyle("round")
        context.set_dashes(0, list(pen.dashes) or None)
        context.set_snap(False)  # snapping to whole pixels makes slow motion jump
        context.set_clip_rectangle(Bbox([[clip.left, height - clip.bottom], [clip.right, height - clip.top]]))
        return context

    def write(self, line: Inscription, pen: tuple[int, int], color: RGB, clip: Rect) -> None:
        """Write a line of text with the pen at (column, row of the baseline)."""
        left, top = pen[0] + line.left, pen[1] - line.ascent
        height, width = line.mask.shape
        begin, end = max(left, clip.left), min(left + width, clip.right)
        first, last = max(top, clip.top), min(top + height, clip.bottom)
        if begin < end and first < last:
            covered = line.mask[first - top : last - top, begin - left : end - left]
            tint(self.pixels[first:last, begin:end], 1 - covered, color)


def _rgba(shape: Shape) -> tuple[float, float, float, float]:
    red, green, blue = shape.color
    return red / 255, green / 255, blue / 255, shape.alpha


def _touched(points: NDArray[np.floating], reach: float, clip: Rect) -> Rect:
    """Return the pixels of the clip that drawing within ``reach`` of points can change."""
    left, right = _range(points[:, 0], reach, clip.left, clip.right)
    top, bottom = _range(points[:, 1], reach, clip.top, clip.bottom)
    return Rect(left, top, right - left, bottom - top)


def _range(at: NDArray[np.floating], reach: float, low: int, high: int) -> tuple[int, int]:
    """Return the range of whole pixels, within [low, high), that positions touch; some may be NaN."""
    first, last = np.fmin.reduce(at) - reach, np.fmax.reduce(at) + reach
    if np.isnan(first):
        return low, low
    return int(np.clip(np.floor(first), low, high)), int(np.clip(np.ceil(last), low, high))


def open_path(lines: Sequence[NDArray[np.floating]]) -> Path:
    """Return one path along several lines, each of shape (m, 2); a NaN breaks a line."""
    codes = np.full(sum(map(len, lines)), Path.LINETO, Path.code_type)
    codes[np.cumsum([0, *map(len, lines[:-1])])] = Path.MOVETO
    path = Path(np.concatenate(lines), codes)
    path.should_simplify = False
    return path


def closed_path(outlines: NDArray[np.floating]) -> Path:
    """Return one path around outlines with the same number of corners, shape (n, corners, 2)."""
    n, corners, _ = outlines.shape
    codes = np.full((n, corners + 1), Path.LINETO, Path.code_type)
    codes[:, 0], codes[:, -1] = Path.MOVETO, Path.CLOSEPOLY
    return Path(np.concatenate([outlines, outlines[:, :1]], axis=1).reshape(-1, 2), codes.ravel())
