"""A camera that looks at a box from far away and may turn around it."""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noisereel.contracts.geometry import Box
from noisereel.contracts.guides import Space
from noisereel.contracts.renderer import Renderer

__all__ = ["Camera", "VolumeRenderer"]


class Camera(NamedTuple):
    """Where a box is looked at from; parallel lines stay parallel.

    Attributes:
        azimuth: How far it has gone around the box, in radians; at 0, x points to the right and y away.
        elevation: How high it stands above the floor, in radians.
    """

    azimuth: float
    elevation: float

    def project(self, xyz: NDArray[np.floating]) -> NDArray[np.float64]:
        """Where points of shape (…, 3) are seen: right, up, and how far away, shape (…, 3)."""
        return np.asarray(np.asarray(xyz, np.float64) @ self._axes.T)

    @property
    def _axes(self) -> NDArray[np.float64]:
        (ca, sa), (ce, se) = ((math.cos(a), math.sin(a)) for a in (self.azimuth, self.elevation))
        return np.array([[ca, sa, 0], [-sa * se, ca * se, ce], [-sa * ce, ca * ce, -se]])


class VolumeRenderer(Renderer):
    """A layer in space, seen by a camera that may turn while the film runs."""

    space: ClassVar[Space] = "volume"

    azimuth: float = Field(default=35.0, ge=-360, le=360)
    """How far the camera has gone around at the beginning, in degrees; at 0, x points to the right and y away."""
    elevation: float = Field(default=28.0, ge=0, le=90)
    """How high it stands above the floor, in degrees: 0 is level, 90 from straight above."""
    turn: float = Field(default=0.0, ge=-3600, le=3600)
    """How far it goes around while the film runs, in degrees."""

    def camera(self, fraction: float) -> Camera:
        """The camera at a share of the film, in [0, 1]."""
        return Camera(math.radians(self.azimuth + fraction * self.turn), math.radians(self.elevation))

    def in_view(self, corners: NDArray[np.floating]) -> Box:
        """Limits that hold points of shape (n, 3) from every place that the camera comes to."""
        seen = np.concatenate([self.camera(f).project(corners) for f in np.linspace(0, 1, 73 if self.turn else 1)])
        (left, low, _), (right, high, _) = seen.min(axis=0), seen.max(axis=0)
        return Box((float(left), float(right)), (float(low), float(high)))
