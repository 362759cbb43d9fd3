"""Glyphs: text as coverage masks, assembled from cached characters because numbers change in every frame.

Nothing is hinted, as in the still background: characters are at their typographic positions, to an eighth of a pixel.
Digits are equally wide, so characters that do not change from frame to frame do not move.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from typing import Any, Literal

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.cbook import is_math_text
from matplotlib.font_manager import findfont, get_font
from matplotlib.ft2font import FT2Font, Kerning, LoadFlags
from matplotlib.mathtext import MathTextParser
from matplotlib.path import Path
from matplotlib.transforms import Affine2D
from numpy.typing import NDArray

from ..support.fonts import family_with
from ..support.typeset import DPI, MATPLOTLIB, font
from .halo import grown

__all__ = ["Glyphs", "Inscription"]

_PHASES = 8
"""Horizontal sub-pixel positions of a character."""


@dataclass(frozen=True, slots=True, eq=False)
class Inscription:
    """A rasterised line or character.

    Attributes:
        mask: Coverage in [0, 1], shape (h, w).
        left: Columns from the pen's position to the mask.
        ascent: Rows from the mask's top down to the baseline.
        advance: Pixels that the pen advances.
    """

    mask: NDArray[np.float32]
    left: int
    ascent: int
    advance: float

    @property
    def descent(self) -> int:
        """Rows of the mask below the baseline."""
        return len(self.mask) - self.ascent

    def before(self, align: Literal["left", "center", "right"]) -> float:
        """Return the pixels from the pen's position to the point that the text is aligned at."""
        return self.advance * {"left": 0.0, "center": 0.5, "right": 1.0}[align]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A unit of typesetting: a character, or a whole formula with its dollar signs."""

    text: str
    size: float
    bold: bool

    @property
    def math(self) -> bool:
        return len(self.text) > 1


@dataclass(frozen=True, slots=True, eq=False)
class _Outline:
    """A piece's shape in pixels from the pen's position, y upwards, and the pen's advance."""

    path: Path
    advance: float


class Glyphs:
    """Typesets lines in one font family at one scale.

    Args:
        family: Font family.
        scale: Frame pixels in a design pixel.
    """

    def __init__(self, family: str, scale: float) -> None:
        self._family, self._scale = family, scale
        self._math = MathTextParser("path")
        self._face = lru_cache(8)(self._find_face)
        self._outline = lru_cache(1024)(self._find_outline)
        self._kerning = lru_cache(1024)(self._find_kerning)
        self._mask = lru_cache(2048)(self._rasterise)
        self._line = lru_cache(256)(self._typeset)
        self._halo = lru_cache(256)(self._find_halo)

    def line(self, text: str, size: float, bold: bool = False) -> Inscription:
        """Return a line of text; mathtext between dollar signs.

        Args:
            text: The line.
            size: Type size in points at 720 lines.
            bold: Weight.
        """
        return self._line(text, size, bold)

    def halo(self, text: str, size: float, bold: bool = False) -> Inscription:
        """Return the halo of the same line: the soft edge around it, and the area of the text itself."""
        return self._halo(text, size, bold)

    def em(self, size: float) -> float:
        """Return the em of a type size in points, in frame pixels."""
        return size * DPI / 72 * self._scale

    def _typeset(self, text: str, size: float, bold: bool) -> Inscription:
        pieces = [_Piece(part, size, bold) for part in _parts(text)]
        placed, pen = [], 0.0
        for piece, following in zip_longest(pieces, pieces[1:]):
            column, phase = divmod(round(pen * _PHASES), _PHASES)
            placed.append((column, self._mask(piece, phase)))
            pen += self._outline(piece).advance
            if following and not piece.math and not following.math:
                pen += self._kerning(piece, following)
        return _joined(placed, pen)

    def _find_halo(self, text: str, size: float, bold: bool) -> Inscription:
        line = self.line(text, size, bold)
        mask, edge = grown(line.mask, self._scale)
        return Inscription(mask, line.left - edge, line.ascent + edge, line.advance)

    def _find_face(self, bold: bool, family: str) -> FT2Font:
        return get_font(findfont(font(12.0, bold, family)))

    def _sized(self, piece: _Piece) -> FT2Font:
        face = self._face(piece.bold, family_with(piece.text, self._family))
        face.set_size(piece.size * self._scale, DPI)
        return face

    def _find_kerning(self, piece: _Piece, following: _Piece) -> float:
        face = self._sized(piece)
        left, right = (face.get_char_index(ord(part.text)) for part in (piece, following))
        return face.get_kerning(left, right, Kerning.UNFITTED) / 64

    def _find_outline(self, piece: _Piece) -> _Outline:
        if piece.math:
            return self._find_formula(piece)
        face = self._sized(piece)
        glyph = face.load_char(ord(piece.text), flags=LoadFlags.NO_HINTING)
        return _Outline(Path(*face.get_path()), glyph.linearHoriAdvance / 65536)

    def _find_formula(self, piece: _Piece) -> _Outline:
        with MATPLOTLIB:
            parsed = self._math.parse(piece.text, DPI, font(piece.size * self._scale, piece.bold, self._family))
        shapes = [Path(_corners(x, y, x + width, y + height), closed=True) for x, y, width, height in parsed.rects]
        for face, size, _, index, x, y in parsed.glyphs:
            face.set_size(size, DPI)
            face.load_glyph(index, flags=LoadFlags.NO_HINTING)
            vertices, codes = face.get_path()
            shapes.append(Path(np.add(vertices, (x, y)), codes))
        return _Outline(Path.make_compound_path(*shapes), float(parsed.width))

    def _rasterise(self, piece: _Piece, phase: int) -> Inscription:
        """Rasterise a piece with the pen ``phase`` eighths into a pixel."""
        outline = self._outline(piece)
        vertices = np.asarray(outline.path.vertices)
        if not len(vertices):
            return Inscription(np.zeros((0, 0), np.float32), 0, 0, outline.advance)
        shift = phase / _PHASES
        low, high = vertices.min(axis=0), vertices.max(axis=0)
        left, bottom = int(np.floor(low[0] + shift)), int(np.floor(low[1]))
        width, height = int(np.ceil(high[0] + shift)) - left, int(np.ceil(high[1])) - bottom
        moved = Affine2D().translate(shift - left, -bottom)
        return Inscription(_coverage(outline.path, moved, width, height), left, bottom + height, outline.advance)


def _parts(text: str) -> Iterator[str]:
    """Yield characters and formulas."""
    spans = re.split(r"(?<!\\)\$", text) if is_math_text(text) else [text]
    for number, span in enumerate(spans):
        if number % 2:
            yield f"${span}$"
        else:
            yield from span.replace(r"\$", "$")


def _corners(left: float, bottom: float, right: float, top: float) -> list[tuple[float, float]]:
    """Return a rectangle's corners, with the first one again at the end."""
    return [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]


def _coverage(path: Path, moved: Affine2D, width: int, height: int) -> NDArray[np.float32]:
    """Return the share of each pixel that the inside of a path covers, shape (height, width)."""
    untyped: Any = RendererAgg  # its methods are not annotated
    agg = untyped(max(width, 1), max(height, 1), 72)
    context = agg.new_gc()
    context.set_linewidth(0)
    context.set_snap(False)
    agg.draw_path(context, path, moved, (0.0, 0.0, 0.0, 1.0))
    return np.asarray(agg.buffer_rgba())[..., 3].astype(np.float32) / np.float32(255)


def _joined(placed: Iterable[tuple[int, Inscription]], advance: float) -> Inscription:
    """Join pieces on one baseline, each with its pen at a column."""
    inked = [(column + piece.left, piece) for column, piece in placed if piece.mask.size]
    left = min((x for x, _ in inked), default=0)
    right = max((x + piece.mask.shape[1] for x, piece in inked), default=0)
    ascent = max((piece.ascent for _, piece in inked), default=0)
    descent = max((piece.descent for _, piece in inked), default=0)
    mask = np.zeros((ascent + descent, right - left), np.float32)
    for x, piece in inked:
        rows, columns = piece.mask.shape
        part = mask[ascent - piece.ascent :, x - left :][:rows, :columns]
        np.maximum(part, piece.mask, out=part)
    return Inscription(mask, left, ascent, advance)
