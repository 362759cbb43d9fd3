"""Shapes shared by all canvases: lowering of unknown marks, dashes, arrows, meshes, and anchors of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ..contracts.geometry import Floats, View
from ..contracts.marks import Area, Arrows, Image, Mark, Mesh, Points, Polylines, Text, Trails
from ..support.errors import PluginError
from ..support.typeset import ASCENT, DESCENT, MIDDLE

__all__ = ["DASHES", "NATIVE", "RING", "SHORTEST_ARROW", "anchored", "arrow_shapes", "faces_of", "lowered"]

NATIVE: tuple[type[Mark], ...] = (Points, Trails, Polylines, Arrows, Image, Area, Mesh, Text)
"""Marks that every canvas draws itself; the others are lowered to these."""

SHORTEST_ARROW = 0.5
"""Length in frame pixels below which arrows are not drawn."""

DASHES: Mapping[str, tuple[float, ...]] = MappingProxyType({"solid": (), "dashed": (6.0, 4.0), "dotted": (2.0, 3.0)})
"""Lengths of dash and gap in design pixels, at every width; dashes have butt ends, solid lines round ones."""

RING = 2.0
"""Width in design pixels of the ring outside a disc that has an ``edge``."""

_DEPTH = 8
"""Levels of lowering after which a mark is given up."""


def lowered(mark: Mark, view: View) -> Iterator[Mark]:
    """Yield the mark itself if canvases know it, else the simpler marks that it lowers to, down to known ones.

    Args:
        mark: Any mark.
        view: The panel's limits and pixels.

    Raises:
        PluginError: The mark cannot be lowered to marks that canvases know.
    """
    yield from _lowered(mark, view, _DEPTH)


def _lowered(mark: Mark, view: View, depth: int) -> Iterator[Mark]:
    if isinstance(mark, NATIVE):
        yield mark
        return
    if not depth:
        raise PluginError(f"{type(mark).__name__}.lower never yields marks that a canvas can draw")
    try:
        simpler = mark.lower(view)
    except NotImplementedError as error:
        raise PluginError(str(error)) from error
    for part in simpler:
        yield from _lowered(part, view, depth - 1)


def arrow_shapes(tail: Floats, vector: Floats, width: float) -> Floats:
    """Return outlines of arrows, shape (n, 7, 2), all in frame pixels; the same winding for each.

    The head is 3.6 widths across and 4.2 long; on short arrows at most half the arrow's length, and narrower to match.

    Args:
        tail: Starting points, shape (n, 2).
        vector: From tail to tip, shape (n, 2), none of length 0.
        width: Width of the shaft.
    """
    length = np.hypot(vector[:, 0], vector[:, 1])[:, None]
    along = vector / length
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    head = np.minimum(4.2 * width, 0.5 * length)
    half, wing = np.minimum(0.5 * width, 0.2 * head), head * (1.8 / 4.2)
    tip, neck = tail + vector, tail + vector - along * head
    corners = (
        tail + across * half,
        neck + across * half,
        neck + across * wing,
        tip,
        neck - across * wing,
        neck - across * half,
        tail - across * half,
    )
    return np.stack(corners, axis=1)


def faces_of(mark: Mesh) -> tuple[NDArray[np.integer], NDArray[np.bool_]]:
    """Return the faces of a mesh whose corners are all finite, shape (k, 4), and a mask of them, shape (m,)."""
    finite = np.asarray(np.isfinite(mark.vertices).all(axis=1))
    known = finite[mark.faces].all(axis=1)
    return mark.faces[known], known


def anchored(mark: Text, view: View, em: float, size: tuple[float, float, float]) -> tuple[float, float]:
    """Return the left end of a text's baseline in frame pixels, moved where needed to stay inside the panel.

    The height depends on the type size alone (formulas may be taller), so that changing text does not jump.

    Args:
        mark: The text.
        view: The panel's limits and pixels.
        em: The em of its type in frame pixels.
        size: Its width, and a formula's height above and below the baseline (0 for plain text), in frame pixels.
    """
    width, above, below = size[0], max(ASCENT * em, size[1]), max(DESCENT * em, size[2])
    x, y = view.pixels(np.array(mark.xy, np.float64))
    left = x + mark.offset[0] * view.scale - width * {"left": 0.0, "center": 0.5, "right": 1.0}[mark.anchor[0]]
    baseline = y - mark.offset[1] * view.scale
    baseline += {"bottom": -below, "center": MIDDLE * em, "top": above}[mark.anchor[1]]
    left = max(min(left, view.rect.right - width), view.rect.left)
    return left, max(min(baseline, view.rect.bottom - below), view.rect.top + above)
