"""Calls of plugins: errors name the plugin and its method, and so do results of another type than promised."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..support.errors import PluginError, plugin_errors
from .plugin import Plugin

__all__ = ["call", "inputs_of", "name_of", "require", "strings"]


def call(plugin: Plugin, method: str, *args: Any, returns: type[Any] | tuple[type[Any], ...]) -> Any:
    """Call a plugin's method, or read its property.

    Args:
        plugin: The plugin.
        method: Name of the method or property.
        args: Arguments of the method.
        returns: Types that the result may have.

    Raises:
        PluginError: It raised, or gave something else; the message names the plugin and the method.
    """
    who = name_of(plugin, method)
    with plugin_errors(who):
        result = getattr(plugin, method)
        if callable(result):
            result = result(*args)
    return require(result, returns, who)


def strings(plugin: Plugin, method: str, *args: Any) -> tuple[str, ...]:
    """Call a method that gives text, one after another.

    Raises:
        PluginError: It raised, or gave something else.
    """
    who = name_of(plugin, method)
    with plugin_errors(who):
        given = call(plugin, method, *args, returns=Iterable)
        result = () if isinstance(given, str) else tuple(given)
    if isinstance(given, str):
        raise PluginError(f"{who}: must return a list of texts, not one text")
    for item in result:
        require(item, str, who)
    return result


def inputs_of(plugin: Plugin, folder: Path) -> tuple[Path, ...]:
    """Return the files that a plugin says it reads.

    Raises:
        PluginError: It raised, or gave something else.
    """
    who = name_of(plugin, "inputs")
    with plugin_errors(who):
        files = tuple(call(plugin, "inputs", folder, returns=Iterable))
    return tuple(require(file, Path, who) for file in files)


def require(result: Any, types: type[Any] | tuple[type[Any], ...], who: str) -> Any:
    """Return a plugin's result, checked.

    Raises:
        PluginError: It has none of these types.
    """
    if isinstance(result, types):
        return result
    names = [_name(t) for t in (types if isinstance(types, tuple) else (types,))]
    raise PluginError(f"{who}: must return {' or '.join(names)}, not {_name(type(result))}")


def name_of(plugin: Plugin, method: str) -> str:
    """Return a plugin and its method for the beginning of a message: ``sampler Mine (step)``."""
    return f"{plugin.kind} {type(plugin).__name__} ({method})"


def _name(type_: type) -> str:
    return "None" if type_ is type(None) else {"str": "text", "Sequence": "a list"}.get(type_.__name__, type_.__name__)
