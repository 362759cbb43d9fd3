"""Figures: boxes and views, panels and their places, and everything about a film that does not move."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .marks import Floats, Mark
from .renderer import Guide, Space
from .theme import Theme

__all__ = [
    "HAIRLINE",
    "Box",
    "Corner",
    "Drawing",
    "Figure",
    "Look",
    "Panel",
    "Pixels",
    "Range",
    "Rect",
    "Slot",
    "TimeBar",
    "View",
]

Pixels = NDArray[np.uint8]
"""One drawn frame, shape (H, W, 3), or (H, W, 4) with straight (not premultiplied) alpha."""

Range = tuple[float, float]
Corner = Literal["top-left", "top-right", "bottom-left", "bottom-right"]

HAIRLINE = 1.0
"""Width of an inset's edge in design pixels."""


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
        """The smallest box around both."""
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
        """The same without an edge so wide, rounded to a whole pixel at least."""
        cut = max(1, round(edge))
        return Rect(self.left + cut, self.top + cut, self.width - 2 * cut, self.height - 2 * cut)


@dataclass(frozen=True, slots=True)
class View:
    """From data coordinates to the frame's pixels.

    Attributes:
        rect: Where in the frame the limits lie.
        x: Limits across, (left edge, right edge).
        y: Limits up, (bottom edge, top edge).
        scale: Frame pixels in a design pixel (see `marks`).
    """

    rect: Rect
    x: Range
    y: Range
    scale: float

    def pixels(self, xy: Floats) -> Floats:
        """Frame positions of data positions, shape (…, 2), in pixels right of and below the frame's corner.

        Integer positions are pixel corners; pixel centres lie at halves.
        """
        out = np.empty(xy.shape, np.float32)
        per_x = self.rect.width / (self.x[1] - self.x[0])
        per_y = self.rect.height / (self.y[1] - self.y[0])
        np.multiply(xy[..., 0] - self.x[0], per_x, out=out[..., 0], casting="unsafe")
        np.multiply(self.y[1] - xy[..., 1], per_y, out=out[..., 1], casting="unsafe")
        out += np.array([self.rect.left, self.rect.top], np.float32)
        return out


@dataclass(frozen=True, slots=True)
class Look:
    """What a renderer may know of its panel.

    Attributes:
        view: Limits and pixels.
        theme: Colours and type.
    """

    view: View
    theme: Theme

    @property
    def limits(self) -> Box:
        """The panel's limits."""
        return Box(self.view.x, self.view.y)

    @property
    def size(self) -> tuple[float, float]:
        """The panel's (width, height) in design pixels."""
        return self.view.rect.width / self.view.scale, self.view.rect.height / self.view.scale


@dataclass(frozen=True, slots=True)
class Slot:
    """A line of text on the frame, outside the panels' data.

    Attributes:
        text: What is written; for a live slot, the widest thing that will be.
        x: Anchor column in pixels.
        baseline: Row of the baseline in pixels.
        size: Type size in points at 720 lines.
        color: Hex colour.
        bold: Weight.
        align: Which end of the text lies at x.
        live: Whether each drawing brings its own words for it.
    """

    text: str
    x: float
    baseline: float
    size: float
    color: str
    bold: bool = False
    align: Literal["left", "center", "right"] = "left"
    live: bool = False


@dataclass(frozen=True, slots=True)
class TimeBar:
    """The thin bar under everything; each drawing says how much of it is filled.

    Attributes:
        rect: Where it lies.
        color: Of the filled part.
        track: Of the rest.
    """

    rect: Rect
    color: str
    track: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel, placed.

    Attributes:
        look: Its limits, pixels and theme.
        space: What its axes mean.
        clip: Where its marks may be drawn: the data rectangle, and for a plane what is free around it.
        backdrop: Marks that lie behind, the same in every frame.
        guides: Legends and colour bars.
        x_label: Under a graph.
        y_label: At the top left of a graph.
        ground: What an inset covers of its host; None for a panel of the grid.
    """

    look: Look
    space: Space
    clip: Rect
    backdrop: tuple[Mark, ...] = ()
    guides: tuple[Guide, ...] = ()
    x_label: str = ""
    y_label: str = ""
    ground: Rect | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """Everything about a film that does not move.

    Attributes:
        size: (width, height) in pixels.
        theme: Colours and type.
        panels: In reading order.
        slots: Titles and other lines of text.
        bar: The time bar, if there is one.
        transparent: Whether the background is left out.
    """

    size: tuple[int, int]
    theme: Theme
    panels: tuple[Panel, ...]
    slots: tuple[Slot, ...] = ()
    bar: TimeBar | None = None
    transparent: bool = False

    @property
    def scale(self) -> float:
        """Frame pixels in a design pixel: 1 at 1280×720."""
        return design_scale(self.size)

    @property
    def back_to_front(self) -> tuple[int, ...]:
        """The panels by index, insets after their hosts."""
        return tuple(sorted(range(len(self.panels)), key=lambda i: self.panels[i].ground is not None))


@dataclass(frozen=True, slots=True)
class Drawing:
    """One frame before it is drawn: what moves, over a `Figure`.

    Attributes:
        figure: What does not move.
        marks: The marks of each panel, back to front.
        words: The words of each live slot, in the slots' order.
        progress: How much of the time bar is filled, in [0, 1].
    """

    figure: Figure
    marks: tuple[tuple[Mark, ...], ...]
    words: tuple[str, ...] = ()
    progress: float = field(default=0.0)


def design_scale(size: tuple[int, int]) -> float:
    """Frame pixels in a design pixel: 1 at 1280×720, 960×720 and 720×1280, a little less at 720×720."""
    width, height = size
    return min(height / 720, width / 720, sqrt(width * height / (960 * 720)))
