"""Marks: the elements of pictures, as frozen values in data coordinates that any canvas can draw.

Sizes and widths are in *design pixels*: pixels of a 720-line frame, scaled with the film. Colours are hex
strings such as "#5AB0F2", or `Shades` for one colour per item.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .geometry import View

__all__ = [
    "Area",
    "Arrows",
    "Color",
    "Floats",
    "Image",
    "Mark",
    "Mesh",
    "Points",
    "Polylines",
    "Shades",
    "Text",
    "Trails",
]

Floats = NDArray[np.floating]
"""Numbers of any precision."""


@dataclass(frozen=True, slots=True, eq=False)
class Shades:
    """One colour per item, from a palette.

    Attributes:
        index: Palette entry of each item, shape (n,), uint8.
        palette: RGB, shape (k, 3), uint8, k ≤ 256.
    """

    index: NDArray[np.uint8]
    palette: NDArray[np.uint8]


Color = str | Shades
"""A hex colour for all items, or one of a palette for each."""


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """An element of the picture at one moment."""

    def lower(self, view: View) -> Iterable[Mark]:
        """Return the same picture in simpler marks, for canvases that do not know this one.

        Args:
            view: The panel's limits and pixels.
        """
        raise NotImplementedError(f"no canvas can draw {type(self).__name__}: define its lower(view)")


@dataclass(frozen=True, slots=True, eq=False)
class Points(Mark):
    """Discs at sub-pixel positions; where they overlap, their order does not matter.

    Attributes:
        xy: Positions, shape (n, 2).
        color: One colour, or one per point.
        size: Radius.
        alpha: Opacity of one disc, in [0, 1].
        edge: Colour of a ring around each disc, or None.
        series: Name of the recorded series shown ("x", "x0" …), or None.
    """

    xy: Floats
    color: Color
    size: float = 1.7
    alpha: float = 0.5
    edge: str | None = None
    series: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Trails(Mark):
    """Past positions of particles, as lines that fade towards the past.

    Attributes:
        xy: Positions, shape (k, n, 2), oldest first.
        color: One colour, or one per particle.
        width: Width at the newest end.
        alpha: Opacity at the newest end; falls to 0 at the oldest.
        series: Name of the recorded series shown, or None.
    """

    xy: Floats
    color: Color
    width: float = 1.5
    alpha: float = 0.6
    series: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Polylines(Mark):
    """Lines through points.

    Attributes:
        lines: Each of shape (m, 2); a NaN breaks the line.
        color: One colour, or one per line.
        width: Width.
        alpha: Opacity.
        dash: Solid, dashed or dotted.
    """

    lines: tuple[Floats, ...]
    color: Color
    width: float = 2.0
    alpha: float = 1.0
    dash: Literal["solid", "dashed", "dotted"] = "solid"


@dataclass(frozen=True, slots=True, eq=False)
class Arrows(Mark):
    """Arrows; those shorter than half a pixel are not drawn.

    Attributes:
        tail: Start points, shape (n, 2).
        vector: From tail to tip, shape (n, 2).
        color: One colour, or one per arrow.
        width: Width of the shaft.
        alpha: Opacity.
    """

    tail: Floats
    vector: Floats
    color: Color
    width: float = 1.2
    alpha: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Image(Mark):
    """A picture stretched over a box; row 0 is at the top.

    Attributes:
        pixels: Grey (h, w), RGB (h, w, 3) or RGBA (h, w, 4), uint8.
        box: (x_low, x_high, y_low, y_high) in data coordinates.
        smooth: Whether to interpolate between pixels; otherwise each is shown as a rectangle.
    """

    pixels: NDArray[np.uint8]
    box: tuple[float, float, float, float]
    smooth: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Area(Mark):
    """The area between two curves.

    Attributes:
        x: Shape (m,), ascending.
        low: Lower edge, shape (m,).
        high: Upper edge, shape (m,).
        color: Fill.
        alpha: Opacity.
    """

    x: Floats
    low: Floats
    high: Floats
    color: str
    alpha: float = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class Mesh(Mark):
    """Adjacent filled quadrilaterals, such as a surface seen from a camera, drawn without seams.

    Attributes:
        vertices: Corners, shape (n, 2).
        faces: Indices of each face's corners, in order around it, shape (m, 4), back to front: later faces hide earlier
            ones. Drawing is fastest if the side between the second and third corner of each face is the side between
            the first and fourth corner of the next one.
        color: One colour, or one per face: of a palette, or any RGB, shape (m, 3), uint8.
        alpha: Opacity.
    """

    vertices: Floats
    faces: NDArray[np.integer]
    color: Color | NDArray[np.uint8]
    alpha: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Text(Mark):
    """Text at a position, kept inside the panel; it may contain mathtext between dollar signs.

    Attributes:
        xy: Anchor in data coordinates, (x, y).
        text: The text.
        color: Colour.
        size: Type size in points at 720 lines (100 dpi).
        bold: Weight.
        anchor: Part of the text that is placed at the anchor: horizontal, then vertical.
        offset: Shift from the anchor in design pixels, (right, up).
        halo: Colour of a soft edge around the text, which separates it from what is behind it; or None.
    """

    xy: tuple[float, float]
    text: str
    color: str
    size: float = 12.0
    bold: bool = False
    anchor: tuple[Literal["left", "center", "right"], Literal["bottom", "center", "top"]] = ("left", "center")
    offset: tuple[float, float] = (0.0, 0.0)
    halo: str | None = None
