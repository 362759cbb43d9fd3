"""Stamps: small pictures of a dot's optical depth at every sub-pixel position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..contracts.geometry import Floats
from .coverage import disc_coverage, line_kernel, strip_coverage

__all__ = ["ExactDisc", "Stamp", "StampTable", "depth", "disc_table", "line_table"]

_CLEAREST = 2.0**-12
"""What an opaque dot lets through: too little to see, and its logarithm is finite."""

_TABLE_SIDE = 512
"""Bound on the side of a table (sub-pixel positions × pixels of a stamp), so that it stays in the cache."""

_LINE_KNOTS = 12


def depth(opacity: Floats | float) -> Floats:
    """Optical depth −log(1 − opacity): depths of what lies on top of one another add up."""
    return -np.log(np.maximum(1.0 - np.asarray(opacity, np.float64), _CLEAREST))


class Stamp(Protocol):
    """Dots of one kind, wherever they are."""

    @property
    def size(self) -> int:
        """Pixels across a stamp's window."""
        ...

    def windows(self, centres: Floats) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Where each dot's window begins, (column, row), shape (n, 2), and its optical depths, shape (n, size²)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class StampTable:
    """Stamps looked up by position, to 1/phases of a pixel.

    Attributes:
        table: Depths, shape (phases², size²), by the position in y, then in x.
        reach: From a window's corner to the dot's centre, in pixels, where the position in the pixel is 0.
        phases: Positions along a pixel's side, a power of two.
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
    """Discs worked out one by one: for a few, or large ones.

    Attributes:
        radius: In pixels.
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
    """Discs of one radius (pixels) and opacity, each pixel weighted by the exact area covered."""
    size = _disc_size(radius)
    phases = _phases(size)
    middle = radius + (np.arange(phases) + 0.5) / phases
    edges = np.arange(size + 1) - middle[:, None]
    covered = disc_coverage(edges[None, :], edges[:, None], radius)
    return StampTable(_flat(depth(alpha * covered)), radius, phases, size)


def line_table(width: float, alpha: float) -> StampTable:
    """Spots that make a line of one width (pixels), weighted by length · depth along the line over `depth(alpha)`.

    Args:
        width: The line's, in pixels.
        alpha: The opacity at which its edges are exact; fainter, it is a little thinner.
    """
    share = min(1.0, width)  # a line thinner than a pixel is a pixel wide and as much fainter
    width = max(1.0, width)
    reach = (width + 1) / 2
    edges = reach * np.linspace(0, 1, _LINE_KNOTS + 1)
    profile = depth(alpha * share * strip_coverage(edges, width))
    size = int(2 * reach) + 1
    phases = min(16, _phases(size))
    # Averaged over each position's share of the pixel, as the spot may have a sharp peak.
    fine = 4
    middle = reach - 0.5 + (np.arange(phases * fine) + 0.5) / (phases * fine)
    offset = np.arange(size) + 0.5 - middle[:, None]
    distance = np.hypot(offset[None, :, None, :], offset[:, None, :, None])
    spots = line_kernel(distance, edges.tolist(), profile.tolist())
    spots = spots.reshape(phases, fine, phases, fine, size, size).mean(axis=(1, 3))
    spots *= 2 * np.trapezoid(profile, edges) / spots.sum(axis=(2, 3), keepdims=True)
    return StampTable(_flat(spots / depth(alpha)), reach - 0.5, phases, size)


def _disc_size(radius: float) -> int:
    """Pixels that a disc can touch in a row, at most."""
    return int(np.ceil(2 * radius)) + 1


def _phases(size: int) -> int:
    """As many sub-pixel positions as a table has room for, up to 64."""
    return min(64, 1 << max(0, (_TABLE_SIDE // size).bit_length() - 1))


def _flat(windows: Floats) -> NDArray[np.float32]:
    phases, size = len(windows), windows.shape[-1]
    return windows.reshape(phases * phases, size * size).astype(np.float32)
