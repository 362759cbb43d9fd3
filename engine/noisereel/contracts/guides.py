"""Axes and keys of a panel: what its axes mean, its legends and colour bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Colorbar", "Guide", "Legend", "Space"]

Space = Literal["plane", "graph", "time", "image", "volume", "any"]
"""Meaning of a panel's axes: positions of 2-D points; any x against any y; the run's time and values; pixels; 3-D.

A layer whose space is "any" fits every panel."""


@dataclass(frozen=True, slots=True)
class Legend:
    """Names of coloured things.

    Attributes:
        entries: Pairs of (label, colour).
    """

    entries: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Colorbar:
    """The scale of a palette.

    Attributes:
        palette: RGB from low to high, shape (k, 3), uint8.
        low: Value at the low end.
        high: Value at the high end.
        label: Name of the values.
    """

    palette: NDArray[np.uint8]
    low: float
    high: float
    label: str = ""


Guide = Legend | Colorbar
"""Explanation of a layer's colours."""
