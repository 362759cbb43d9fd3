"""Canvases draw marks. What they share stands here: lowering of unknown marks, dashes, the shape of an arrow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ..errors import PluginError
from ..figure import View
from ..marks import Floats, Mark, Mesh

__all__ = ["DASHES", "RING", "arrow_shapes", "faces_of", "lowered"]

DASHES: Mapping[str, tuple[float, ...]] = MappingProxyType({"solid": (), "dashed": (6.0, 4.0), "dotted": (2.0, 3.0)})
"""Lengths of ink and gap in design pixels, whatever the width; ends are butt, those of solid lines round."""

RING = 2.0
"""Width in design pixels of the ring outside a disc that has an ``edge``."""

_DEPTH = 8


def lowered(mark: Mark, view: View, native: tuple[type[Mark], ...]) -> Iterator[Mark]:
    """The mark itself if the canvas knows it, else the simpler marks that it lowers to, down to known ones.

    Args:
        mark: Any mark.
        view: The panel's limits and pixels.
        native: The marks that the canvas draws itself.

    Raises:
        PluginError: The mark lowers to unknown marks again and again, or not at all.
    """
    yield from _lowered(mark, view, native, _DEPTH)


def _lowered(mark: Mark, view: View, native: tuple[type[Mark], ...], depth: int) -> Iterator[Mark]:
    if isinstance(mark, native):
        yield mark
        return
    if not depth:
        raise PluginError(f"{type(mark).__name__}.lower never arrives at marks that a canvas knows")
    try:
        simpler = mark.lower(view)
    except NotImplementedError as error:
        raise PluginError(str(error)) from error
    for part in simpler:
        yield from _lowered(part, view, native, depth - 1)


def arrow_shapes(tail: Floats, vector: Floats, width: float) -> Floats:
    """Outlines of arrows, shape (n, 7, 2), all in frame pixels; the same winding for each.

    The head is 3.6 widths across and 4.2 long, on short arrows half as long as the arrow at most, and narrower with it.

    Args:
        tail: Where they begin, shape (n, 2).
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
    """The faces of a mesh all of whose corners are finite, shape (k, 4), and which ones they are, shape (m,)."""
    finite = np.asarray(np.isfinite(mark.vertices).all(axis=1))
    known = finite[mark.faces].all(axis=1)
    return mark.faces[known], known
