"""Plugin fields: fields of a model whose annotation names a kind of plugin, such as ``Spacing | None``."""

from __future__ import annotations

from typing import Any, get_args

from ..contracts.plugin import Plugin
from ..registry.registry import KINDS

__all__ = ["plugin_kind"]


def plugin_kind(annotation: Any) -> str | None:
    """Return the kind of plugin that an annotation accepts, alone, optional or in a tuple; None for other values."""
    if isinstance(annotation, type) and issubclass(annotation, Plugin):
        return annotation.kind if "kind" in vars(annotation) and annotation.kind in KINDS else None
    return next(filter(None, map(plugin_kind, get_args(annotation))), None)
