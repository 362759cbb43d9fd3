"""The page on all plugins, from their docstrings and fields."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import noisereel_builtins
from noisereel.cli.plugin_help import parameters
from noisereel.contracts.plugin import Plugin
from noisereel.contracts.probe import Metric
from noisereel.registry.registry import KINDS, Registry

from .markdown import code, joined, links, plain, table

__all__ = ["page"]

INTRODUCTION = """# All plugins

Generated from the plugins' documentation by `python docs/make_reference.py`. `noisereel plugins show NAME` shows the
whole documentation of a plugin, with equations and references."""


def page() -> str:
    """Return the page as Markdown."""
    registry = Registry.from_plugins({"noisereel": noisereel_builtins}, strict=True)
    return joined([INTRODUCTION, " · ".join(links(f"{kind.capitalize()}s" for kind in KINDS)), *_sections(registry)])


def _sections(registry: Registry) -> Iterator[str]:
    for kind in KINDS:
        plugins = [(name, registry.get(kind, name)) for name in registry.names(kind)]
        yield f"## {kind.capitalize()}s"
        if kind == "metric":
            yield "Titles show the values that a metric gives as `{name}`, and `curve` draws them by name."
            rows = [[code(name), _summary(cls), _values(cls), _parameters(cls)] for name, cls in plugins]
            yield table(["name", "description", "gives", "parameters"], rows)
        else:
            rows = [[code(name), _summary(cls), _parameters(cls)] for name, cls in plugins]
            yield table(["name", "description", "parameters"], rows)


def _summary(cls: type[Plugin]) -> str:
    return plain((inspect.getdoc(cls) or "").split("\n\n")[0])


def _values(cls: type[Metric]) -> str:
    units = {name: cls().unit_of(name) for name in cls.gives}
    return "<br>".join(code(name) + (f" ({unit})" if unit else "") for name, unit in units.items())


def _parameters(cls: type[Plugin]) -> str:
    return "<br>".join(f"**{field}** ({kind}): {description}" for field, kind, description in parameters(cls))
