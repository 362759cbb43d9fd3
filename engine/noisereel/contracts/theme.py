"""Themes: the colours and type that every panel shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

__all__ = ["ROLES", "THEMES", "Theme", "rgb"]

ROLES = ("background", "ink", "muted", "faint", "blue", "violet", "rose", "amber")
"""Roles of colours: background, text, secondary text, hairlines, and the four stops of the gradient."""


def rgb(color: str) -> tuple[int, int, int]:
    """Return the three bytes of a hex colour, "#RRGGBB"."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours by role, a gradient for the identity of particles, and a type family.

    Attributes:
        name: Its name, as in ``film.theme``.
        colors: Hex colours by role, one for each of `ROLES`.
        font: Family of all type.
    """

    name: str
    colors: Mapping[str, str]
    font: str = "DejaVu Sans"

    def color(self, name: str) -> str:
        """Return the hex colour of a role; hex colours pass through.

        Raises:
            KeyError: The role does not exist.
        """
        return name if name.startswith("#") else self.colors[name]

    def gradient(self, n: int = 256) -> NDArray[np.uint8]:
        """Return the identity gradient blue → violet → rose → amber as a palette of n RGB colours, shape (n, 3)."""
        stops = np.array([rgb(self.colors[c]) for c in ("blue", "violet", "rose", "amber")], float)
        at = np.linspace(0, len(stops) - 1, n)
        channels = [np.interp(at, np.arange(len(stops)), stops[:, c]) for c in range(3)]
        return np.stack(channels, axis=1).round().astype(np.uint8)


def _theme(name: str, hexes: str, font: str = "DejaVu Sans") -> Theme:
    return Theme(name, MappingProxyType(dict(zip(ROLES, hexes.split(), strict=True))), font)


# Neighbours on the gradient differ in lightness where colour-blind people see one hue: blue and violet.
THEMES: Mapping[str, Theme] = MappingProxyType(
    {
        "dark": _theme("dark", "#0F1318 #E8ECF1 #8793A3 #252C36 #5AB0F2 #9B7BE0 #E2607E #F2A65A"),
        "light": _theme("light", "#FBFAF7 #1D2733 #6B7685 #E4E1D9 #1B66AB #8560CA #B83A5B #C8641B"),
        # From dark to bright, so that a greyscale print keeps the order.
        "paper": _theme("paper", "#FFFFFF #141414 #5E5E5E #DEDCD8 #14407F #5F459E #AE3D5E #C97B1F", "DejaVu Serif"),
        "blackboard": _theme("blackboard", "#17251F #F4F1E8 #9DAFA5 #2E4138 #7FC4F5 #AF90E8 #F58BA3 #F6D06F"),
    }
)
"""The built-in themes by name."""
