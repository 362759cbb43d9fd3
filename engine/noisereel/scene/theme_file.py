"""Theme files: matplotlib styles (see `mpl_style`), and YAML files that modify a built-in theme.

    extends: light
    font: DejaVu Serif
    background: "#FFF8E7"
    amber: "#B5651D"

``extends`` is dark by default; ``font`` is any installed family; the rest are colours by role, in quotes because a
bare # starts a comment.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from ..contracts.theme import ROLES, THEMES, Theme
from ..support.errors import suggest
from ..support.files import read_bytes
from .builder import Builder
from .mpl_style import STYLE, style_theme
from .nodes import Node, describe_value, with_paths
from .runs import refuse_unknown
from .yaml_nodes import parse

__all__ = ["SUFFIXES", "find_theme"]

SUFFIXES = (".yaml", ".yml", STYLE)
"""Suffixes that distinguish a theme file from the name of a theme."""


def find_theme(node: Node, folder: Path, builder: Builder) -> Theme | None:
    """Return the theme that a node names, or read it from a file; problems are reported to the builder.

    Args:
        node: A name, or a path that ends in .yaml, .yml or .mplstyle.
        folder: Folder that paths in the scene are relative to; those of options are relative to the current one.
        builder: Collects the problems.

    Raises:
        SceneError: The file is not YAML.
    """
    if not isinstance(node.value, str):
        return None  # reported by validation of the film's settings
    name = node.value
    if name in THEMES:
        return THEMES[name]
    if not name.endswith(SUFFIXES):
        builder.report(node, f"unknown theme '{name}'; {suggest(name, [*THEMES])}")
        return None
    path = folder / name if node.place.line else Path(name)
    try:
        text = read_bytes(path, _MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        builder.report(node, f"'{path}' is not UTF-8 text")
        return None
    except OSError as error:
        builder.report(node, f"'{path}' cannot be read: {error.strerror}")
        return None
    except ValueError as error:
        builder.report(node, str(error))
        return None
    if path.suffix != STYLE:
        return _theme(text, path, builder)
    try:
        return style_theme(path, text)
    except ValueError as error:
        builder.report(node, f"'{path}': {error}")
        return None


def _theme(text: str, path: Path, builder: Builder) -> Theme | None:
    root = with_paths(parse(text, str(path)))
    if root.map is None:
        builder.report(root, f"must be a mapping such as 'extends: dark', got {describe_value(root)}")
        return None
    refuse_unknown(root, ("extends", "font", *ROLES), builder)
    base = _base(root.child("extends"), builder)
    font = root.child("font")
    if font is not None:
        _check_font(font, builder)
    colors = {role: _color(child, builder) for role in ROLES if (child := root.child(role)) is not None}
    if base is None:
        return None
    family = base.font if font is None else str(font.value)
    return replace(base, name=path.stem, colors=MappingProxyType({**base.colors, **colors}), font=family)


def _base(node: Node | None, builder: Builder) -> Theme | None:
    if node is not None and not isinstance(node.value, str):
        builder.report(node, f"must be the name of a theme, got {describe_value(node)}")
        return None
    name = "dark" if node is None else str(node.value)
    if node is not None and name not in THEMES:
        builder.report(node, f"unknown theme '{name}'; {suggest(name, [*THEMES])}")
    return THEMES.get(name)


_MAX_BYTES = 50_000

_HEX = re.compile("#[0-9A-Fa-f]{6}")


def _color(node: Node, builder: Builder) -> str:
    if not _HEX.fullmatch(str(node.value)):
        builder.report(node, f'must be a hex colour in quotes, such as "#5AB0F2", got {describe_value(node)}')
    return str(node.value)


def _check_font(node: Node, builder: Builder) -> None:
    """Report a family that is not installed; matplotlib would only warn and use another."""
    from matplotlib.font_manager import fontManager

    if not isinstance(node.value, str):
        builder.report(node, f"must be the name of a font, got {describe_value(node)}")
        return
    names = fontManager.get_font_names()
    if node.value not in names:
        hint = suggest(str(node.value), names)
        advice = (
            hint if hint.startswith("did you mean") else "matplotlib includes DejaVu Sans, DejaVu Serif and STIXGeneral"
        )
        builder.report(node, f"no font '{node.value}' is installed; {advice}")
