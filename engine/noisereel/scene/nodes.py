"""Nodes: YAML values with the places where they were written, so that errors can point to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

__all__ = ["Given", "Node", "Place", "Value", "describe_object", "describe_value", "with_paths"]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """The place where something was written.

    Attributes:
        file: File name, or an option such as ``--set``.
        line: Line from 1; 0 if not in a file.
        column: Column from 1; 0 if not in a file.
    """

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """A Python object in a scene: a plugin, an array, a function.

    Attributes:
        value: The object.
    """

    value: object


Value = None | bool | int | float | str | tuple["Node", ...] | Mapping[str, "Node"] | Given


@dataclass(frozen=True, slots=True)
class Node:
    """A scalar, list or mapping with its place.

    Attributes:
        value: A plain scalar, or nodes.
        place: Start of the value.
        key: Start of its key, if it is in a mapping.
        path: Dotted path within the scene, set by `with_paths`.
    """

    value: Value
    place: Place
    key: Place | None = None
    path: str = ""

    @property
    def map(self) -> Mapping[str, Node] | None:
        """The entries, if this is a mapping."""
        return self.value if isinstance(self.value, Mapping) else None

    @property
    def list(self) -> tuple[Node, ...] | None:
        """The items, if this is a list."""
        return self.value if isinstance(self.value, tuple) else None

    def child(self, name: str | int) -> Node | None:
        """Return the entry of that name or the item of that index, or None."""
        if isinstance(self.value, tuple):
            return self.value[name] if isinstance(name, int) and 0 <= name < len(self.value) else None
        return self.map.get(str(name)) if self.map is not None else None


def with_paths(node: Node, path: str = "") -> Node:
    """Return the same tree with the path of each node."""
    stem = f"{path}." if path else ""
    value = node.value
    if isinstance(value, tuple):
        value = tuple(with_paths(child, f"{stem}{i}") for i, child in enumerate(value))
    elif isinstance(value, Mapping):
        value = {key: with_paths(child, f"{stem}{key}") for key, child in value.items()}
    return replace(node, value=value, path=path)


def describe_value(node: Node) -> str:
    """Describe a value for the end of an error message: ``text 'a'``, ``-1``, ``a list of 3``."""
    match node.value:
        case None:
            return "nothing"
        case bool(value):
            return str(value).lower()
        case str(text):
            return f"text '{text}'" if len(text) <= 60 else f"text '{text[:59]}…'"
        case tuple(items):
            return f"a list of {len(items)}"
        case Mapping():
            return "a mapping"
        case Given(value):
            return describe_object(value)
        case number:
            return str(number)


def describe_object(value: object) -> str:
    """Describe a Python object for the end of an error message: ``the class DDIM``, ``an array of shape (3, 2)``."""
    if isinstance(value, type):
        return f"the class {value.__name__} (an instance is {value.__name__}(…))"
    if isinstance(shape := getattr(value, "shape", None), tuple):
        return f"an array of shape {tuple(shape)}"
    if callable(value) and hasattr(value, "__name__"):
        return f"the function {value.__name__}"
    name = type(value).__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"
