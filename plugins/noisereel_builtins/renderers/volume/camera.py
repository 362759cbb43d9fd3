"""Camera: orthographic projection from a camera that may turn around the data."""

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
    """An orthographic camera: parallel lines stay parallel.

    Attributes:
        azimuth: Angle around the vertical axis, in radians; at 0, x points to the right and y away.
        elevation: Angle above the horizontal, in radians.
    """

    azimuth: float
    elevation: float

    def project(self, xyz: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return points of shape (…, 3) as seen: position to the right, position up, and distance, shape (…, 3)."""
        return np.asarray(np.asarray(xyz, np.float64) @ self._axes.T)

    @property
    def _axes(self) -> NDArray[np.float64]:
        (ca, sa), (ce, se) = ((math.cos(a), math.sin(a)) for a in (self.azimuth, self.elevation))
        return np.array([[ca, sa, 0], [-sa * se, ca * se, ce], [-sa * ce, ca * ce, -se]])


class VolumeRenderer(Renderer):
    """A layer in 3-D, seen by a camera that may turn during the film."""

    space: ClassVar[Space] = "volume"

    azimuth: float = Field(default=35.0, ge=-360, le=360)
    """Angle of the camera around the vertical axis at the start, in degrees; at 0, x points to the right and y away."""
    elevation: float = Field(default=28.0, ge=0, le=90)
    """Angle of the camera above the horizontal, in degrees; 90 is straight above."""
    turn: float = Field(default=0.0, ge=-3600, le=3600)
    """Angle by which the camera turns during the film, in degrees."""

    def camera(self, fraction: float) -> Camera:
        """Return the camera at a fraction of the film, in [0, 1]."""
        return Camera(math.radians(self.azimuth + fraction * self.turn), math.radians(self.elevation))

    def in_view(self, corners: NDArray[np.floating]) -> Box:
        """Return limits that hold points of shape (n, 3) from every position of the camera."""
        seen = np.concatenate([self.camera(f).project(corners) for f in np.linspace(0, 1, 73 if self.turn else 1)])
        (left, low, _), (right, high, _) = seen.min(axis=0), seen.max(axis=0)
        return Box((float(left), float(right)), (float(low), float(high)))
