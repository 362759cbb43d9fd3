"""Painters: every kind of mark on a surface."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache, singledispatchmethod

import numpy as np
from matplotlib.cbook import is_math_text
from numpy.typing import NDArray

from ..contracts.geometry import Floats, Rect, View
from ..contracts.marks import Area, Arrows, Color, Image, Mark, Mesh, Points, Polylines, Shades, Text, Trails
from ..contracts.theme import rgb
from .glyphs import Glyphs
from .pictures import paint_image
from .shapes import DASHES, RING, SHORTEST_ARROW, anchored, arrow_shapes, faces_of, lowered
from .splat import Splatter, fits
from .stamps import ExactDisc, Stamp, depth, disc_table, line_table
from .surface import RGB, Pen, Shape, Surface, closed_path, open_path
from .trails import spots

__all__ = ["MarkPainter"]

_FEW = 16
"""Up to this many discs, computing each one is faster than building a table to look them up in."""

_SPACING = 0.9
"""Frame pixels between the spots of a thin trail; keeps its opacity even to about 4/255."""


class MarkPainter:
    """Paints the marks of one panel.

    Args:
        surface: The frame.
        view: The panel's limits and pixels.
        clip: Where its marks may be drawn.
        glyphs: Typesetter for text.
    """

    def __init__(self, surface: Surface, view: View, clip: Rect, glyphs: Glyphs) -> None:
        self._surface, self._view, self._clip, self._glyphs = surface, view, clip, glyphs
        self._scale = view.scale
        self._splatter = Splatter()
        self._disc_table = lru_cache(8)(disc_table)
        self._line_table = lru_cache(8)(line_table)

    def paint(self, marks: Iterable[Mark]) -> None:
        """Paint marks, back to front.

        Raises:
            PluginError: A mark that the canvas does not know cannot be lowered to marks that it knows.
        """
        for mark in marks:
            for native in lowered(mark, self._view):
                self._paint(native)

    @singledispatchmethod
    def _paint(self, mark: Mark) -> None:
        raise TypeError(type(mark).__name__)

    @_paint.register
    def _points(self, mark: Points) -> None:
        centres = self._pixels(mark.xy)
        radius = mark.size * self._scale
        ring = RING * self._scale if mark.edge else 0.0
        kept = np.flatnonzero(fits(centres, self._clip, radius + ring))
        centres, color = centres.take(kept, axis=0), _ink(mark.color)
        if mark.edge:
            self._discs(centres, radius + ring, mark.alpha, _ink(mark.edge))
        self._discs(centres, radius, mark.alpha, color.take(kept, axis=0) if color.ndim == 2 else color)

    def _discs(self, centres: Floats, radius: float, alpha: float, color: NDArray[np.float32]) -> None:
        few = len(centres) <= _FEW
        stamp: Stamp = ExactDisc(radius, alpha) if few else self._disc_table(radius, alpha)
        self._splatter.splat(self._surface.pixels, self._clip, stamp, centres, color)

    @_paint.register
    def _trails(self, mark: Trails) -> None:
        if len(mark.xy) < 2 or not mark.alpha:
            return
        width = mark.width * self._scale
        line = spots(self._pixels(mark.xy), self._clip, reach=width + 1, spacing=max(_SPACING, width / 4))
        weights = (line.length * depth(mark.alpha * line.age)).astype(np.float32)
        color = _ink(mark.color)
        self._splatter.splat(
            self._surface.pixels,
            self._clip,
            self._line_table(width, mark.alpha),
            line.centres,
            color[line.owner] if color.ndim == 2 else color,
            weights,
        )

    @_paint.register
    def _polylines(self, mark: Polylines) -> None:
        pen = Pen(mark.width * self._scale, [length * self._scale for length in DASHES[mark.dash]])
        self._draw(
            [
                Shape(open_path([self._pixels(line) for line in lines]), color, mark.alpha, pen)
                for color, lines in _bundles(mark)
            ]
        )

    @_paint.register
    def _arrows(self, mark: Arrows) -> None:
        tail = self._pixels(mark.tail)
        with np.errstate(invalid="ignore"):
            vector = self._pixels(mark.tail + mark.vector) - tail
        seen = np.isfinite(tail).all(axis=1) & np.isfinite(vector).all(axis=1)
        seen &= np.hypot(vector[:, 0], vector[:, 1]) >= SHORTEST_ARROW
        width = mark.width * self._scale
        self._draw(
            [
                Shape(closed_path(arrow_shapes(tail[group], vector[group], width)), color, mark.alpha)
                for color, group in _groups(mark.color, seen)
            ]
        )

    def _draw(self, shapes: list[Shape]) -> None:
        if shapes:
            self._surface.draw(shapes, self._clip)

    @_paint.register
    def _image(self, mark: Image) -> None:
        paint_image(self._surface.pixels, mark, self._view, self._clip)

    @_paint.register
    def _area(self, mark: Area) -> None:
        low = self._pixels(np.stack([mark.x, mark.low], axis=1))
        high = self._pixels(np.stack([mark.x, mark.high], axis=1))
        known = np.isfinite(low[:, 1] + high[:, 1] + low[:, 0])
        outlines = [closed_path(np.concatenate([low[run], high[run][::-1]])[None]) for run in _runs(known)]
        self._draw([Shape(outline, rgb(mark.color), mark.alpha) for outline in outlines])

    @_paint.register
    def _mesh(self, mark: Mesh) -> None:
        faces, known = faces_of(mark)
        if not len(faces):
            return
        color = (mark.color if isinstance(mark.color, np.ndarray) else _ink(mark.color)) / 255
        shown = np.full((len(faces), 4), mark.alpha)
        shown[:, :3] = color[known] if color.ndim == 2 else color
        self._surface.fill(self._pixels(mark.vertices), faces, shown, self._clip)

    @_paint.register
    def _text(self, mark: Text) -> None:
        if not np.isfinite(self._pixels(np.array(mark.xy, np.float64))).all():
            return
        line = self._glyphs.line(mark.text, mark.size, mark.bold)
        tall = (line.ascent, line.descent) if is_math_text(mark.text) else (0, 0)
        left, baseline = anchored(mark, self._view, self._glyphs.em(mark.size), (line.advance, *tall))
        pen = round(left), round(baseline)
        if mark.halo:
            self._surface.write(self._glyphs.halo(mark.text, mark.size, mark.bold), pen, rgb(mark.halo), self._clip)
        self._surface.write(line, pen, rgb(mark.color), self._clip)

    def _pixels(self, xy: Floats) -> Floats:
        """Return frame positions; those too large for float32 are infinite."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self._view.pixels(xy)


def _ink(color: Color) -> NDArray[np.float32]:
    """Return RGB in [0, 255]: shape (3,) for one colour, (n, 3) for one colour per item."""
    if isinstance(color, Shades):
        return color.palette.astype(np.float32)[color.index]
    return np.array(rgb(color), np.float32)


def _groups(color: Color, kept: NDArray[np.bool_]) -> Iterator[tuple[RGB, NDArray[np.intp]]]:
    """Yield the indices of the items kept, by colour."""
    items = np.flatnonzero(kept)
    if isinstance(color, str):
        if len(items):
            yield rgb(color), items
        return
    for entry in np.unique(color.index[items]):
        yield _shade(color, entry), items[color.index[items] == entry]


def _runs(known: NDArray[np.bool_]) -> Iterator[slice]:
    """Yield slices of consecutive known values."""
    ends = np.flatnonzero(np.diff(known, prepend=False, append=False))
    return (slice(begin, end) for begin, end in ends.reshape(-1, 2).tolist())


def _bundles(mark: Polylines) -> Iterator[tuple[RGB, list[Floats]]]:
    """Yield lines by colour: those of one colour together, to cover crossings once; else one by one."""
    if isinstance(mark.color, Shades):
        for line, entry in zip(mark.lines, mark.color.index, strict=True):
            if len(line):
                yield _shade(mark.color, entry), [line]
    elif any(map(len, mark.lines)):
        yield rgb(mark.color), [line for line in mark.lines if len(line)]


def _shade(color: Shades, entry: int) -> RGB:
    red, green, blue = color.palette[entry].tolist()
    return red, green, blue
