"""Stamps: small arrays of a dot's optical depth at every sub-pixel position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..contracts.geometry import Floats
from .coverage import disc_coverage, line_kernel, strip_coverage

__all__ = ["ExactDisc", "Stamp", "StampTable", "depth", "disc_table", "line_table"]

_MIN_TRANSMISSION = 2.0**-12
"""Share of the background that an opaque dot lets through: too little to see, but with a finite logarithm."""

_TABLE_SIDE = 512
"""Bound on the side of a table (sub-pixel positions × pixels of a stamp), so that it stays in the processor's cache."""

_LINE_KNOTS = 12
"""Pieces of the piecewise linear profile of a line."""


def depth(opacity: Floats | float) -> Floats:
    """Return the optical depth −log(1 − opacity); depths of overlapping dots add up."""
    return -np.log(np.maximum(1.0 - np.asarray(opacity, np.float64), _MIN_TRANSMISSION))


class Stamp(Protocol):
    """Dots of one kind, at any position."""

    @property
    def size(self) -> int:
        """Pixels across a stamp's window."""
        ...

    def windows(self, centres: Floats) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the first (column, row) of each dot's window, shape (n, 2), and its depths, shape (n, size²)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class StampTable:
    """Stamps looked up by position, to 1/phases of a pixel.

    Attributes:
        table: Depths, shape (phases², size²), by sub-pixel position in y, then in x.
        reach: Pixels from a window's corner to the dot's centre at sub-pixel position 0.
        phases: Sub-pixel positions along an axis, a power of two.
        size: Pixels across a window.
    """

    table: NDArray[np.float32]
    reach: float
    phases: int
    size: int

    def windows(self, centres: Floats) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        fine = np.floor((centres - np.float32(self.reach)) * np.float32(self.phases)).astype(np.int64)
        phase = fine & (self.phases - 1)
        rows = self.table.take(phase[:, 1] * self.phases + phase[:, 0], axis=0)
        return fine >> (self.phases.bit_length() - 1), rows


@dataclass(frozen=True, slots=True)
class ExactDisc:
    """Discs computed one by one: for a few, or large ones.

    Attributes:
        radius: Radius in pixels.
        alpha: Opacity.
    """

    radius: float
    alpha: float

    @property
    def size(self) -> int:
        """Pixels across a window."""
        return _disc_size(self.radius)

    def windows(self, centres: Floats) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        begin = np.floor(centres - self.radius)
        edges = begin[..., None] + np.arange(self.size + 1) - centres[..., None].astype(np.float64)
        covered = disc_coverage(edges[:, 0], edges[:, 1], self.radius)
        return begin.astype(np.int64), depth(self.alpha * covered).reshape(len(centres), -1).astype(np.float32)


def disc_table(radius: float, alpha: float) -> StampTable:
    """Return a table of discs of one radius (pixels) and opacity, with the exact area covered of each pixel."""
    size = _disc_size(radius)
    phases = _phases(size)
    middle = radius + (np.arange(phases) + 0.5) / phases
    edges = np.arange(size + 1) - middle[:, None]
    covered = disc_coverage(edges[None, :], edges[:, None], radius)
    return StampTable(_flat(depth(alpha * covered)), radius, phases, size)


def line_table(width: float, alpha: float) -> StampTable:
    """Return a table of spots that make a line when weighted by length · depth along the line over `depth(alpha)`.

    Args:
        width: Width of the line, in pixels.
        alpha: Opacity at which its edges are exact; fainter lines are slightly thinner.
    """
    share = min(1.0, width)  # draw a line thinner than a pixel one pixel wide but fainter
    width = max(1.0, width)
    reach = (width + 1) / 2
    edges = reach * np.linspace(0, 1, _LINE_KNOTS + 1)
    profile = depth(alpha * share * strip_coverage(edges, width))
    size = int(2 * reach) + 1
    phases = min(16, _phases(size))
    # Average over each sub-pixel position, as the spot may have a sharp peak.
    fine = 4
    middle = reach - 0.5 + (np.arange(phases * fine) + 0.5) / (phases * fine)
    offset = np.arange(size) + 0.5 - middle[:, None]
    distance = np.hypot(offset[None, :, None, :], offset[:, None, :, None])
    spots = line_kernel(distance, edges.tolist(), profile.tolist())
    spots = spots.reshape(phases, fine, phases, fine, size, size).mean(axis=(1, 3))
    spots *= 2 * np.trapezoid(profile, edges) / spots.sum(axis=(2, 3), keepdims=True)
    return StampTable(_flat(spots / depth(alpha)), reach - 0.5, phases, size)


def _disc_size(radius: float) -> int:
    """Return the largest number of pixels in a row that a disc can touch."""
    return int(np.ceil(2 * radius)) + 1


def _phases(size: int) -> int:
    """Return the number of sub-pixel positions along an axis that a table has room for, at most 64."""
    return min(64, 1 << max(0, (_TABLE_SIDE // size).bit_length() - 1))


def _flat(windows: Floats) -> NDArray[np.float32]:
    phases, size = len(windows), windows.shape[-1]
    return windows.reshape(phases * phases, size * size).astype(np.float32)
