"""Overrides: values set outside the scene file, such as ``--set schedule.steps=20``, merged in before validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..contracts.plugin import Plugin
from ..registry.registry import Registry
from ..support.errors import NoisereelError, Problem, SceneError, UsageError, suggest
from .nodes import Given, Node, Place, describe_value
from .plugin_fields import plugin_kind
from .python_nodes import python_node
from .yaml_nodes import parse

__all__ = ["PLUGIN_KEYS", "Override", "override"]

PLUGIN_KEYS: Mapping[str, str] = {
    "dataset": "dataset",
    "schedule": "schedule",
    "denoiser": "denoiser",
    "sampler": "sampler",
    "metrics": "metric",
    "layers": "renderer",
}
"""Kind of plugin for each key of a scene that holds one plugin or a list of them."""


@dataclass(frozen=True, slots=True)
class Override:
    """One value set outside the scene file.

    Attributes:
        place: The option that it came from, for errors, such as ``--set``.
        path: Dotted path, with list indices from 0: ``panels.0.title``.
        value: YAML text, or a Python value.
    """

    place: str
    path: str
    value: str | Given

    @property
    def text(self) -> str:
        """The override as ``PATH=VALUE``."""
        return f"{self.path}={self.value if isinstance(self.value, str) else repr(self.value.value)}"

    @classmethod
    def read(cls, text: str) -> Override:
        """Parse ``PATH=VALUE`` from the command line.

        Raises:
            UsageError: There is no path or no '='.
        """
        path, equals, value = text.partition("=")
        if not (path.strip() and equals):
            raise UsageError(f"--set takes PATH=VALUE, such as film.fps=30, got '{text}'")
        return cls("--set", path.strip(), value.strip())


def override(root: Node, change: Override, registry: Registry) -> Node:
    """Return the scene's nodes with one value set; shorthands on its path are expanded.

    Raises:
        SceneError: The path does not exist, or the value is not YAML.
    """
    return _Setter(change, registry).put(root, 0, None)


class _Setter:
    """Walks down one override's path, rebuilding the nodes along it."""

    def __init__(self, change: Override, registry: Registry) -> None:
        self._change = change
        self._registry = registry
        self._place = Place(change.place)
        self._parts = change.path.split(".")
        self._value = self._read()

    def put(self, node: Node | None, depth: int, kind: str | None) -> Node:
        """Return a node with the value set inside it.

        Args:
            node: The node to change; None if the scene has none here.
            depth: Number of parts of the path that lead to it.
            kind: Kind of plugin, if the node is one.
        """
        if depth == len(self._parts):
            return self._value
        if node is not None and node.list is not None:
            return self._in_list(node, node.list, depth, kind)
        return self._in_plugin(node, depth, kind) if kind else self._in_map(node, depth)

    def _read(self) -> Node:
        try:
            if isinstance(self._change.value, Given):
                return python_node(self._change.value.value, self._place)
            return self._without_positions(parse(self._change.value, self._change.place))
        except SceneError as error:
            raise self._error(len(self._parts), error.problems[0].message) from error

    def _without_positions(self, node: Node) -> Node:
        """Return the same nodes without lines and columns, which mean nothing on a command line."""
        value = node.value
        if isinstance(value, tuple):
            value = tuple(map(self._without_positions, value))
        elif isinstance(value, Mapping):
            value = {key: self._without_positions(child) for key, child in value.items()}
        return Node(value, self._place, self._place)

    def _in_map(self, node: Node | None, depth: int) -> Node:
        part = self._parts[depth]
        if node is not None and node.value is not None and node.map is None:
            raise self._error(depth, f"is {describe_value(node)}; nothing can be set inside it")
        if node is None and part.isdigit():
            raise self._error(depth, "is not in the scene, so it has no items to set")
        inside_runs = depth == 1 and self._parts[0] == "runs"
        if inside_runs and (node is None or node.child(part) is None):
            known = [*(node.map or {})] if node is not None else []
            raise self._error(depth + 1, f"unknown run '{part}'; {suggest(part, known)}")
        return self._with(node, part, depth, None if inside_runs else PLUGIN_KEYS.get(part))

    def _in_list(self, node: Node, items: tuple[Node, ...], depth: int, kind: str | None) -> Node:
        part = self._parts[depth]
        if kind and len(items) == 1 and not part.isdigit():
            return replace(node, value=(self.put(items[0], depth, kind),))
        if not part.isdigit() or int(part) >= len(items):
            last = len(items) - 1
            extent = f"of items 0 to {last}" if last > 0 else "with only item 0" if items else "without items"
            raise self._error(depth, f"is a list {extent}, got '{part}'")
        changed = self.put(items[int(part)], depth + 1, kind)
        return replace(node, value=(*items[: int(part)], changed, *items[int(part) + 1 :]))

    def _in_plugin(self, node: Node | None, depth: int, kind: str) -> Node:
        """Set the value inside ``name``, ``{name: value}`` or ``{name: {…}}``; the path may omit the plugin's name."""
        if node is not None and isinstance(node.value, Given):
            raise self._error(depth, f"is {describe_value(node)}; nothing can be set inside it")
        part = self._parts[depth]
        name, params = _name_and_params(node)
        if name is None or name == part:
            return self._rebuilt(node, part, self._in_params(self._class(kind, part), params, depth + 1))
        cls = self._class(kind, name)
        if part in self._registry.names(kind) and part not in (cls.model_fields if cls else ()):
            raise self._error(depth + 1, f"the {kind} is '{name}'; set {'.'.join(self._parts[:depth])}={part} first")
        return self._rebuilt(node, name, self._in_params(cls, params, depth))

    def _in_params(self, cls: type[Plugin] | None, params: Node | None, depth: int) -> Node:
        if depth == len(self._parts):
            return self._value
        if params is not None and params.value is not None and params.map is None and cls and cls.primary:
            params = Node({cls.primary: params}, params.place, params.key)
        part = self._parts[depth]
        field = cls.model_fields.get(part) if cls else None
        return self._with(params, part, depth, plugin_kind(field.annotation) if field else None)

    def _with(self, node: Node | None, part: str, depth: int, kind: str | None) -> Node:
        """Return a mapping with one entry changed or added."""
        old = node.child(part) if node is not None else None
        return self._rebuilt(node, part, self.put(old, depth + 1, kind), keep=True)

    def _rebuilt(self, node: Node | None, key: str, child: Node, keep: bool = False) -> Node:
        entries = dict(node.map or {}) if keep and node is not None else {}
        old = entries.get(key)
        entries[key] = replace(child, key=child.key or (old.key if old else self._place))
        return Node(entries, node.place if node is not None else self._place, node.key if node is not None else None)

    def _class(self, kind: str, name: str) -> type[Plugin] | None:
        try:
            return self._registry.get(kind, name)
        except NoisereelError:
            return None  # validation reports it, with its place

    def _error(self, depth: int, message: str) -> SceneError:
        return SceneError([Problem(self._change.place, ".".join(self._parts[:depth]), message)])


def _name_and_params(node: Node | None) -> tuple[str | None, Node | None]:
    """Return a plugin's name and the node of its parameters, if any; no name unless exactly one is given."""
    if node is None:
        return None, None
    if isinstance(node.value, str):
        return node.value, None
    if node.map is not None and len(node.map) == 1:
        return next(iter(node.map.items()))
    return None, None
