"""Python values as nodes: scenes written in Python are checked exactly like scene files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from ..contracts.plugin import Plugin, PluginCodec
from ..support.errors import Problem, SceneError
from .nodes import Given, Node, Place, Value, describe_object
from .yaml_nodes import MAX_DEPTH, check_text

__all__ = ["python_node", "scene_text"]

_LISTED = 1000  # numbers up to which an array is written out


def python_node(value: object, place: Place, depth: int = 0) -> Node:
    """Convert a Python value to a node; objects that YAML cannot express are kept as they are (see `Given`).

    Args:
        value: The value: mappings, sequences and scalars, with plugins, arrays and functions among them.
        place: Name of the value in errors.
        depth: Number of mappings and sequences around it.

    Raises:
        SceneError: A key is not text, or the value contains itself.
    """
    if depth > MAX_DEPTH:
        raise _error(place, f"is nested more than {MAX_DEPTH} levels deep")
    return Node(_node_value(value, place, depth), place, place)


def _node_value(value: object, place: Place, depth: int) -> Value:
    match value:
        case Mapping():
            return {_key(key, place): python_node(item, place, depth + 1) for key, item in value.items()}
        case list() | tuple() | range():
            return tuple(python_node(item, place, depth + 1) for item in value)
        case np.generic():
            return _node_value(value.item(), place, depth)
        case str():
            check_text(value, place)
            return str(value)
        case None | bool() | int() | float():
            return value
        case _ if hasattr(value, "__fspath__"):
            return str(value)
        case _:
            return Given(value)


def _key(key: object, place: Place) -> str:
    if not isinstance(key, str):
        raise _error(place, f"keys must be text, got {describe_object(key)}: {key!r:.60}")
    check_text(key, place)
    return key


def _error(place: Place, message: str) -> SceneError:
    return SceneError([Problem(str(place), "", message)])


def scene_text(root: Node, plugins: PluginCodec) -> str:
    """Return a scene written in Python as text, to store with its outputs.

    It is a scene file, unless it holds plugins that are not registered, arrays or functions, which are described.
    """
    return json.dumps(_written(root, plugins), ensure_ascii=False, indent=1)


def _written(node: Node, plugins: PluginCodec) -> Any:
    match node.value:
        case Given(Plugin() as plugin):
            return plugins.to_spec(plugin)
        case Given(value):
            if isinstance(value, (np.ndarray, Tensor)) and value.ndim == 1 and len(value) <= _LISTED:
                return value.tolist()
            return describe_object(value)
        case tuple(items):
            return [_written(item, plugins) for item in items]
        case Mapping() as entries:
            return {key: _written(child, plugins) for key, child in entries.items()}
        case scalar:
            return scalar
