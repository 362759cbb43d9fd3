"""Coverage: the share of each pixel that a shape covers, in closed form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..contracts.geometry import Floats

__all__ = ["disc_coverage", "line_kernel", "strip_coverage"]


def disc_coverage(x: Floats, y: Floats, radius: float) -> Floats:
    """Return the exact area of a disc around 0 in each cell of a grid of lines x and y.

    Args:
        x: Edges of the grid's columns, shape (…, m + 1), ascending.
        y: Edges of its rows, shape (…, k + 1), ascending.
        radius: Radius of the disc.

    Returns:
        Areas, shape (…, k, m).
    """
    beyond = _area_beyond(x[..., None, :], y[..., :, None], radius)
    return np.diff(np.diff(beyond, axis=-1), axis=-2)


def _area_beyond(x: Floats, y: Floats, r: float) -> Floats:
    """Return the area of the part of a disc around 0 that is right of x and above y."""
    x, y = np.broadcast_arrays(np.clip(x, -r, r), np.clip(y, -r, r))
    half_x, half_y = np.sqrt(r * r - x * x), np.sqrt(r * r - y * y)
    right = r * r * np.arccos(x / r) - x * half_x
    above = r * r * np.arccos(y / r) - y * half_y
    # A corner inside the disc cuts a sector off; outside, whole segments (or nothing) remain.
    inside = (right + above) / 2 - np.pi * r * r / 4 + x * y
    outside = np.where(x < 0, np.where(y < 0, right + above - np.pi * r * r, above), np.where(y < 0, right, 0.0))
    return np.where(x * x + y * y < r * r, inside, outside)


def strip_coverage(distance: Floats, width: float) -> Floats:
    """Return the share of a pixel that an infinite straight line covers, by the distance of their centres.

    The pixel counts as a unit strip along the line, so the result is the same in every direction.
    """
    return np.clip((width + 1) / 2 - np.abs(distance), 0.0, min(width, 1.0))


def line_kernel(r: Floats, edges: Sequence[float], profile: Sequence[float]) -> Floats:
    """Return the round spot that paints a line of a given profile when moved along it.

    The inverse Abel transform K(r) = −1/π ∫_r^∞ f'(y) / √(y² − r²) dy of a piecewise linear profile f.

    Args:
        r: Distances from the spot's centre, > 0.
        edges: Knots of the profile: distances from the line's centre, ascending from 0.
        profile: Its values at the knots; the last one is 0.
    """
    out = np.zeros_like(r)
    for near, far, high, low in zip(edges[:-1], edges[1:], profile[:-1], profile[1:], strict=True):
        slope = (low - high) / (far - near)
        out -= slope / np.pi * (np.arccosh(np.maximum(far / r, 1)) - np.arccosh(np.maximum(near / r, 1)))
    return out
