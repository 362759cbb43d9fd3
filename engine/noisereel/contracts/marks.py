"""The vocabulary of pictures: frozen values in data coordinates that any canvas can draw.

Sizes and widths are in *design pixels*: pixels of a 720-line frame, scaled with the film. Colours are hex
strings such as "#5AB0F2", or `Shades` for a colour each.
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


@dataclass(frozen=True, slots=True, eq=False)
class Shades:
    """A colour for each item: entries of a palette.

    Attributes:
        index: Which entry each item has, shape (n,), uint8.
        palette: RGB, shape (k, 3), uint8, k ≤ 256.
    """

    index: NDArray[np.uint8]
    palette: NDArray[np.uint8]


Color = str | Shades


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """Something that is there at one moment."""

    def lower(self, view: View) -> Iterable[Mark]:
        """The same picture in simpler marks, for canvases that do not know this one.

        Args:
            view: The panel's limits and pixels.
        """
        raise NotImplementedError(f"no canvas knows how to draw {type(self).__name__}: give it a lower(view)")


@dataclass(frozen=True, slots=True, eq=False)
class Points(Mark):
    """Discs at sub-pixel positions; where they overlap, their order does not matter.

    Attributes:
        xy: Positions, shape (n, 2).
        color: One colour or a colour each.
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
    """Where particles have been: lines that fade towards the past.

    Attributes:
        xy: Positions, shape (k, n, 2), oldest first.
        color: One colour or a colour for each of the n particles.
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
        color: One colour or a colour for each line.
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
        tail: Where they begin, shape (n, 2).
        vector: From tail to tip, shape (n, 2).
        color: One colour or a colour each.
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
        smooth: Interpolate between pixels (True) or show each as a rectangle.
    """

    pixels: NDArray[np.uint8]
    box: tuple[float, float, float, float]
    smooth: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Area(Mark):
    """What lies between two curves.

    Attributes:
        x: Shape (m,), rising.
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
    """Filled quadrilaterals side by side, such as a surface seen from a camera; no seams show between them.

    Attributes:
        vertices: Corners, shape (n, 2).
        faces: The four corners of each face in turn, shape (m, 4), back to front: later ones hide earlier ones. Faces
            whose side from their second to third corner is the next one's from its first to fourth are quickest.
        color: One colour, or a colour for each face: of a palette, or any RGB, shape (m, 3), uint8.
        alpha: Opacity.
    """

    vertices: Floats
    faces: NDArray[np.integer]
    color: Color | NDArray[np.uint8]
    alpha: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Text(Mark):
    """Words at a place; may hold mathtext between dollar signs. Kept inside the panel.

    Attributes:
        xy: Anchor in data coordinates, (x, y).
        text: What is written.
        color: Ink.
        size: Type size in points at 720 lines (100 dpi).
        bold: Weight.
        anchor: Which part of the text lies on the anchor: horizontal, then vertical.
        offset: Shift from the anchor in design pixels, (right, up).
        halo: Colour of a soft edge around the words, which parts them from what lies behind; or None.
    """

    xy: tuple[float, float]
    text: str
    color: str
    size: float = 12.0
    bold: bool = False
    anchor: tuple[Literal["left", "center", "right"], Literal["bottom", "center", "top"]] = ("left", "center")
    offset: tuple[float, float] = (0.0, 0.0)
    halo: str | None = None
