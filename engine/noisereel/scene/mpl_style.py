"""Themes from matplotlib styles: what of a ``.mplstyle`` file has a place in ours.

======================  ==========================================================
ours                    matplotlib's, the first that the file sets
======================  ==========================================================
background              ``axes.facecolor``, ``figure.facecolor``
ink                     ``text.color``, ``axes.labelcolor``
muted                   ``xtick.labelcolor``, ``xtick.color``, ``axes.labelcolor``
faint                   ``grid.color`` with ``grid.alpha``, where ``axes.grid`` is on
blue, violet, rose,     the colours of ``axes.prop_cycle``, in this order
amber
font                    ``font.family``, the first that is installed
======================  ==========================================================

What a style leaves out is taken from ``dark`` or ``light``, whichever suits its background.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from ..contracts.theme import THEMES, Theme, rgb

__all__ = ["STYLE", "style_theme"]

STYLE = ".mplstyle"
"""The suffix of such files."""

_SOURCES = {
    "background": ("axes.facecolor", "figure.facecolor"),
    "ink": ("text.color", "axes.labelcolor"),
    "muted": ("xtick.labelcolor", "xtick.color", "axes.labelcolor"),
}
_CYCLE = ("blue", "violet", "rose", "amber")
_GENERIC = ("serif", "sans-serif", "cursive", "fantasy", "monospace")


def style_theme(path: Path) -> Theme:
    """The theme that a matplotlib style comes to.

    Args:
        path: The file, known to be there.

    Raises:
        ValueError: It is no style; the message says why.
    """
    from matplotlib import rc_params_from_file

    try:
        params = rc_params_from_file(path, fail_on_error=True, use_default_template=False)
    except (ValueError, SyntaxError) as error:
        raise ValueError(f"is no matplotlib style: {' '.join(str(error).split())}") from error
    style: dict[str, Any] = {str(key): value for key, value in params.items()}
    colors = {role: hexes[0] for role, keys in _SOURCES.items() if (hexes := [*_hexes(style, keys)])}
    base = THEMES["dark" if _is_dark(colors.get("background", "#FFFFFF")) else "light"]
    colors = {**base.colors, **colors, **dict(zip(_CYCLE, _cycle(style), strict=False))}
    if style.get("axes.grid", False) and "grid.color" in style:
        colors["faint"] = _over(colors["background"], style["grid.color"], style.get("grid.alpha", 1.0))
    return Theme(path.stem, MappingProxyType(colors), _family(style) or base.font)


def _hexes(style: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[str]:
    """The colours among some settings; "auto", "inherit" and "none" are none."""
    from matplotlib.colors import is_color_like, to_hex

    for key in keys:
        if is_color_like(style.get(key)) and str(style[key]).lower() != "none":
            yield to_hex(style[key])


def _cycle(style: Mapping[str, Any]) -> list[str]:
    from matplotlib.colors import to_hex

    cycle = style.get("axes.prop_cycle")
    return [] if cycle is None else [to_hex(color) for color in cycle.by_key().get("color", ())]


def _is_dark(color: str) -> bool:
    """Whether a colour's luma (ITU-R BT.709) is below the middle."""
    return float(np.dot((0.2126, 0.7152, 0.0722), rgb(color))) < 128


def _over(background: str, color: Any, alpha: float) -> str:
    from matplotlib.colors import to_hex, to_rgb

    r, g, b = (
        alpha * over + (1 - alpha) * under for over, under in zip(to_rgb(color), to_rgb(background), strict=True)
    )
    return str(to_hex((r, g, b)))


def _family(style: Mapping[str, Any]) -> str | None:
    """The first installed family; a generic one stands for those that the style lists under it.

    Raises:
        ValueError: The style names families, and none is installed.
    """
    from matplotlib.font_manager import fontManager

    asked = [
        name
        for each in style.get("font.family", ())
        for name in (style.get(f"font.{each}", ()) if each in _GENERIC else (each,))
    ]
    installed = fontManager.get_font_names()
    if asked and not any(name in installed for name in asked):
        raise ValueError(f"font.family: none of {', '.join(asked)} is installed")
    return next((name for name in asked if name in installed), None)
