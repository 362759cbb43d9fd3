"""Heat palette: from the background colour through blue, violet and rose to amber, with increasing contrast."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from noisereel.contracts.theme import Theme, rgb

__all__ = ["heat", "heat_alpha"]

LIGHTEST = 0.84
"""Lightness of the last colour on a dark background."""
VEIL = 24
"""Number of the 256 colours, counted from the lowest, that fade in from fully transparent."""

_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def heat(theme: Theme) -> NDArray[np.uint8]:
    """Return a palette from the theme's background colour through its gradient, RGB, shape (256, 3).

    Its lightness in Oklab moves steadily away from the background's (almost so at the end on a light background), so
    that it can be read in greyscale and by colour-blind viewers.

    References:
        Ottosson (2020), "A perceptual color space for image processing".
    """
    return _heat(theme.color("background"), theme.gradient(256).tobytes())


@lru_cache(8)
def _heat(background: str, gradient: bytes) -> NDArray[np.uint8]:
    ground = _oklab(np.array([rgb(background)]))[0]
    hues = _oklab(np.frombuffer(gradient, np.uint8).reshape(256, 3))
    at = np.linspace(0, 1, 256)[:, None]
    out = ground + at * (hues - ground)
    if ground[0] < 0.5:  # full colours early, since dark ones are hard to tell apart, and evenly rising lightness
        out = ground + np.minimum(1, at / 0.35) * (hues - ground)
        out[:, 0] = ground[0] + at[:, 0] * (LIGHTEST - ground[0])
    palette = _rgb(out)
    palette[0] = rgb(background)
    palette.setflags(write=False)
    return palette


def heat_alpha(theme: Theme) -> NDArray[np.uint8]:
    """Return the same palette as RGBA, shape (256, 4), transparent at the low end, to be drawn over other marks."""
    palette = heat(theme)
    out = np.empty((256, 4), np.uint8)
    out[:, :3] = palette
    out[:VEIL, :3] = palette[VEIL]
    out[:, 3] = np.minimum(255, np.arange(256) * 255 // VEIL)
    return out


def _oklab(colors: NDArray[np.generic]) -> NDArray[np.float64]:
    """Convert sRGB bytes to Oklab, shape (n, 3)."""
    share = np.asarray(colors, np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(linear @ _LMS.T) @ _LAB.T)


def _rgb(lab: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Convert Oklab colours to sRGB bytes, shape (n, 3), clipped to the sRGB gamut."""
    linear = np.clip((lab @ np.linalg.inv(_LAB).T) ** 3 @ np.linalg.inv(_LMS).T, 0, 1)
    share = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(share * 255), np.uint8)
