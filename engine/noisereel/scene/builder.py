"""From nodes to plugins and other frozen models; what is wrong is gathered, so that it can be told all together."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ..contracts.plugin import Plugin
from ..contracts.schedule import Schedule, check_schedule
from ..registry.registry import Registry
from ..support.errors import NoisereelError, PluginError, Problem
from .nodes import Node, Place, describe_value, plain
from .plugin_fields import plugin_kind
from .validation_messages import Fault, validation_messages

__all__ = ["ABSENT", "Builder"]

Model = TypeVar("Model", bound=BaseModel)

ABSENT = Node(None, Place(""))
"""Stands for a value whose absence has been reported already."""

_FAILED = "\0"
"""Handle of a plugin that could not be built; what the model says of it was said before."""


class Builder:
    """Builds models from nodes and keeps what is wrong with them."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._plugins: dict[tuple[int, str], tuple[Node, Plugin | None]] = {}
        self._faults: dict[Fault, None] = {}

    @property
    def problems(self) -> list[Problem]:
        """Everything found so far: the file's in its order, then what came from outside it."""
        ordered = sorted(self._faults, key=lambda fault: (not fault.place.line, fault.place))
        return [Problem(str(place), path, message) for place, path, message in ordered]

    def report(self, node: Node, message: str, *, path: str | None = None, place: Place | None = None) -> None:
        """Note a problem with a node; the same one is noted once."""
        self._faults[Fault(place or node.place, node.path if path is None else path, message)] = None

    def model(self, cls: type[Model], node: Node) -> Model | None:
        """A model from a mapping, plugins in its fields included; None if something is wrong with it.

        The node is turned into JSON with handles in the place of plugins, and validated strictly.
        """
        handles: dict[str, Plugin] = {}
        values: dict[str, Any] = {}
        for key, child in (node.map or {}).items():
            field = cls.model_fields.get(key)
            kind = plugin_kind(field.annotation) if field else None
            is_plugin = kind is not None and (child.value is not None or child is ABSENT)
            values[key] = self._with_handles(child, kind or "", handles) if is_plugin else plain(child)
        try:
            return cls.model_validate_json(json.dumps(values), strict=True, context={"plugins": handles})
        except ValidationError as error:
            details = [each for each in error.errors(include_url=False) if each["input"] != _FAILED]
            self._faults |= dict.fromkeys(validation_messages(details, cls, node))
            return None

    def plugin(self, node: Node, kind: str) -> Plugin | None:
        """The plugin that a node names, alone or with parameters; None if something is wrong with it."""
        key = id(node), kind
        if key not in self._plugins:  # the node is kept so that its id stays its own
            self._plugins[key] = node, None if node is ABSENT else self._plugin(node, kind)
        return self._plugins[key][1]

    def _with_handles(self, node: Node, kind: str, handles: dict[str, Plugin]) -> Any:
        if node.list is not None:
            return [self._with_handles(child, kind, handles) for child in node.list]
        plugin = self.plugin(node, kind)
        if plugin is None:
            return _FAILED
        handle = f"{_FAILED}{len(handles)}"
        handles[handle] = plugin
        return handle

    def _plugin(self, node: Node, kind: str) -> Plugin | None:
        name, params = self._named(node, kind)
        if name is None:
            return None
        try:
            cls = self._registry.get(kind, name)
        except NoisereelError as error:
            self.report(node, str(error))
            return None
        return self._made(cls, name, self._params(cls, name, node, params))

    def _named(self, node: Node, kind: str) -> tuple[str | None, Node | None]:
        """The name and what stands behind it."""
        if isinstance(node.value, str):
            return node.value, None
        entries = node.map or {}
        if len(entries) == 1:
            return next(iter(entries.items()))
        if entries:
            several = " and ".join(f"'{name}'" for name in [*entries][:3])
            hint = "" if {*entries} <= {*self._registry.names(kind)} else "; indent parameters below the name"
            self.report(
                node, f"must name one {kind}, as NAME or {{NAME: {{parameters}}}}, got {several} side by side{hint}"
            )
        else:
            self.report(node, f"must name a {kind}, as NAME or {{NAME: {{parameters}}}}, got {describe_value(node)}")
        return None, None

    def _params(self, cls: type[Plugin], name: str, node: Node, params: Node | None) -> Node | None:
        """The parameters as a mapping; a bare value fills the primary field."""
        path = f"{node.path}.{name}".lstrip(".") if params is None else params.path
        if params is None or params.value is None:
            return Node({}, node.place if params is None else params.key or params.place, None, path)
        if params.map is not None:
            return params
        if cls.primary is not None:
            return Node({cls.primary: params}, params.place, params.key, path)
        known = ", ".join(cls.model_fields) or "none"
        self.report(params, f"must be parameters by name ({known}), got {describe_value(params)}")
        return None

    def _made(self, cls: type[Plugin], name: str, params: Node | None) -> Plugin | None:
        if params is None:
            return None
        try:
            plugin = self.model(cls, params)
            fault = check_schedule(plugin) if isinstance(plugin, Schedule) else None
        except (ArithmeticError, ValueError) as error:
            plugin, fault = None, str(error)
        except Exception as error:
            raise PluginError(
                f"{cls.kind} '{name}' failed on its parameters: {type(error).__name__}: {error}"
            ) from error
        if fault is not None:
            self.report(params, fault)
        return plugin if fault is None else None
