"""matplotlib styles: themes made from ``.mplstyle`` files.

======================  ==========================================================
noisereel               matplotlib: the first that the file sets
======================  ==========================================================
background              ``axes.facecolor``, ``figure.facecolor``
ink                     ``text.color``, ``axes.labelcolor``
muted                   ``xtick.labelcolor``, ``xtick.color``, ``axes.labelcolor``
faint                   ``grid.color`` with ``grid.alpha``, if ``axes.grid`` is on
blue, violet, rose,     the colours of ``axes.prop_cycle``, in this order
amber
font                    ``font.family``, the first that is installed
======================  ==========================================================

The rest is taken from ``dark`` or ``light``, whichever suits the background.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from ..contracts.theme import THEMES, Theme, rgb

__all__ = ["STYLE", "style_theme"]

STYLE = ".mplstyle"
"""Suffix of matplotlib style files."""

_SOURCES = {
    "background": ("axes.facecolor", "figure.facecolor"),
    "ink": ("text.color", "axes.labelcolor"),
    "muted": ("xtick.labelcolor", "xtick.color", "axes.labelcolor"),
}
_CYCLE = ("blue", "violet", "rose", "amber")
_GENERIC = ("serif", "sans-serif", "cursive", "fantasy", "monospace")


def style_theme(path: Path, text: str) -> Theme:
    """Return the theme that a matplotlib style describes.

    Args:
        path: An existing file.
        text: Its content.

    Raises:
        ValueError: The file is not a style; the message gives the reason.
    """
    from matplotlib import rc_params_from_file

    for cycle in re.findall(r"^\s*axes\.prop_cycle\s*:(.*)$", text, re.MULTILINE):
        _check_cycle(cycle.strip())
    try:
        params = rc_params_from_file(path, fail_on_error=True, use_default_template=False)
    except (ValueError, SyntaxError) as error:
        raise ValueError(f"is not a matplotlib style: {' '.join(str(error).split())}") from error
    style: dict[str, Any] = {str(key): value for key, value in params.items()}
    colors = {role: hexes[0] for role, keys in _SOURCES.items() if (hexes := [*_hexes(style, keys)])}
    base = THEMES["dark" if _is_dark(colors.get("background", "#FFFFFF")) else "light"]
    colors = {**base.colors, **colors, **dict(zip(_CYCLE, _cycle(style), strict=False))}
    if style.get("axes.grid", False) and "grid.color" in style:
        colors["faint"] = _blended(colors["background"], style["grid.color"], style.get("grid.alpha", 1.0))
    return Theme(path.stem, MappingProxyType(colors), _family(style) or base.font)


def _check_cycle(cycle: str) -> None:
    """Refuse cycles other than ``cycler(…)``, or two of them combined: matplotlib evaluates them as an expression.

    Raises:
        ValueError: The cycle is another expression, which could take any time and memory.
    """
    try:
        nodes = [*ast.walk(ast.parse(cycle, mode="eval"))]
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        nodes = []
    products = [node for node in nodes if isinstance(node, ast.BinOp)]
    operands = [side for product in products for side in (product.left, product.right)]
    if (
        not nodes
        or len(products) > 1
        or not all(isinstance(node, _CYCLE_NODES) for node in nodes)
        or not all(isinstance(side, ast.Call) for side in operands)
    ):
        raise ValueError("axes.prop_cycle must be cycler(…), or two of them added or multiplied")


_CYCLE_NODES = (ast.Expression, ast.BinOp, ast.Add, ast.Mult, ast.Call, ast.keyword, ast.Name, ast.Load, ast.Constant,
                ast.List, ast.Tuple, ast.UnaryOp, ast.USub)  # fmt: skip


def _hexes(style: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[str]:
    """Yield the settings that are colours, not "auto", "inherit" or "none"."""
    from matplotlib.colors import is_color_like, to_hex

    for key in keys:
        if is_color_like(style.get(key)) and str(style[key]).lower() != "none":
            yield to_hex(style[key])


def _cycle(style: Mapping[str, Any]) -> list[str]:
    from matplotlib.colors import to_hex

    cycle = style.get("axes.prop_cycle")
    return [] if cycle is None else [to_hex(color) for color in cycle.by_key().get("color", ())]


def _is_dark(color: str) -> bool:
    """Return whether a colour's luma (ITU-R BT.709) is below the middle."""
    return float(np.dot((0.2126, 0.7152, 0.0722), rgb(color))) < 128


def _blended(background: str, color: Any, alpha: float) -> str:
    from matplotlib.colors import to_hex, to_rgb

    r, g, b = (
        alpha * top + (1 - alpha) * bottom for top, bottom in zip(to_rgb(color), to_rgb(background), strict=True)
    )
    return str(to_hex((r, g, b)))


def _family(style: Mapping[str, Any]) -> str | None:
    """Return the first installed family; generic ones are replaced by the families that the style lists under them.

    Raises:
        ValueError: None of the families that the style names is installed.
    """
    from matplotlib.font_manager import fontManager

    families = [
        name
        for family in style.get("font.family", ())
        for name in (style.get(f"font.{family}", ()) if family in _GENERIC else (family,))
    ]
    installed = fontManager.get_font_names()
    if families and not any(name in installed for name in families):
        raise ValueError(f"font.family: none of {', '.join(families)} is installed")
    return next((name for name in families if name in installed), None)
