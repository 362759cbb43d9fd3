"""Raster canvas: drawings as pixels, fast enough for film.

Still parts are painted once, and each frame starts as a copy of them. Points and trails are splatted, lines and areas
are drawn by matplotlib's Agg, and text is assembled from cached characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ..contracts.figure import Drawing, Figure, Slot, TimeBar
from ..contracts.geometry import Pixels
from ..contracts.marks import Mark
from ..contracts.theme import rgb
from .glyphs import Glyphs
from .painters import MarkPainter
from .splat import tint
from .surface import Surface

__all__ = ["RasterCanvas"]


class RasterCanvas:
    """Draws one figure's frames. Not thread-safe.

    Args:
        figure: The parts that do not move.
    """

    def __init__(self, figure: Figure) -> None:
        from .axes import paint_backdrop  # importing matplotlib's figures is slow

        self.figure = figure
        colors = ("#000000", "#FFFFFF") if figure.transparent else (figure.theme.color("background"),)
        self._layers = [_OpaqueCanvas(figure, paint_backdrop(figure, color)) for color in colors]

    def draw(self, drawing: Drawing) -> Pixels:
        """Draw one frame: a new array, shape (H, W, 3), or (H, W, 4) with straight alpha for a transparent figure."""
        frames = [layer.draw(drawing) for layer in self._layers]
        return frames[0] if len(frames) == 1 else _unmixed(*frames)


def _unmixed(on_black: Pixels, on_white: Pixels) -> Pixels:
    """Return RGBA with straight alpha from the same frame over black and over white.

    Over black it is α·c, over white α·c + 255·(1 − α). Bytes are rounded, so the two estimates of α·c are averaged.
    """
    dark, bright = on_black.astype(np.float32), on_white.astype(np.float32)
    alpha = np.clip(255 - (bright - dark).mean(axis=2, keepdims=True), 0, 255).round()
    light = (dark + bright - (255 - alpha)) / 2
    color = np.clip(255 * light / np.maximum(alpha, 1), 0, 255).round()
    return np.concatenate([color, alpha], axis=2).astype(np.uint8)


class _OpaqueCanvas:
    """A figure over one opaque background.

    Args:
        figure: The parts that do not move.
        ground: The painted background, without the panels' marks, shape (H, W, 3).
    """

    def __init__(self, figure: Figure, ground: Pixels) -> None:
        self._figure = figure
        self._surface = Surface(figure.size)
        self._glyphs = Glyphs(figure.theme.font, figure.scale)
        self._painters = [MarkPainter(self._surface, panel.view, panel.clip, self._glyphs) for panel in figure.panels]
        self._still = self._painted(ground, [panel.backdrop for panel in figure.panels])

    def draw(self, drawing: Drawing) -> Pixels:
        """Draw one frame, shape (H, W, 3)."""
        pixels = self._painted(self._still, drawing.marks)
        live = (slot for slot in self._figure.slots if slot.live)
        for slot, words in zip(live, drawing.words, strict=True):
            self._write(slot, words)
        if self._figure.bar:
            _fill(pixels, self._figure.bar, drawing.progress)
        return pixels

    def _painted(self, background: Pixels, marks: Sequence[Iterable[Mark]]) -> Pixels:
        """Return a copy of a background with the panels' marks; an inset restores its background over its host."""
        self._surface.pixels = pixels = background.copy()
        for i in self._figure.back_to_front:
            if ground := self._figure.panels[i].ground:
                covered = slice(ground.top, ground.bottom), slice(ground.left, ground.right)
                pixels[covered] = background[covered]
            self._painters[i].paint(marks[i])
        return pixels

    def _write(self, slot: Slot, words: str) -> None:
        line = self._glyphs.line(words, slot.size, slot.bold)
        pen = round(slot.x - line.before(slot.align)), round(slot.baseline)
        self._surface.write(line, pen, rgb(slot.color), self._surface.bounds)


def _fill(pixels: Pixels, bar: TimeBar, progress: float) -> None:
    """Fill the bar up to a position that may be within a pixel."""
    rect = bar.rect
    filled = np.clip(progress * rect.width - np.arange(rect.width, dtype=np.float32), 0, 1)
    tint(pixels[rect.top : rect.bottom, rect.left : rect.right], 1 - filled, rgb(bar.color))
