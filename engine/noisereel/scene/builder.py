"""Building: nodes become plugins and other frozen models; problems are collected and reported together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError
from torch import Tensor

from ..contracts.plugin import Plugin
from ..contracts.schedule import Schedule, check_schedule
from ..registry.registry import Registry
from ..support.errors import NoisereelError, Problem, UsageError, describe_error, plugin_errors
from .nodes import Given, Node, Place, describe_value
from .plugin_fields import plugin_kind
from .python_plugins import as_plugin
from .validation_messages import Fault, validation_messages

__all__ = ["ABSENT", "Builder"]

Model = TypeVar("Model", bound=BaseModel)

ABSENT = Node(None, Place(""))
"""Placeholder for a missing value that has already been reported."""

_LARGEST = 2.0**63
"""Floats of this size and more stay floats: they are not meant as integers."""

_FAILED = "\0"
"""Handle of a plugin that could not be built: it has already been reported, so the model's own error is dropped."""


def _whole(value: object) -> object:
    """Return a number without a fraction as an integer, which fields of both kinds accept: 1e4 is 10,000."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST:
        return int(value)
    return value


class Builder:
    """Builds models from nodes and collects their problems."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._plugins: dict[tuple[int, str], tuple[Node, Plugin | None]] = {}
        self._faults: dict[Fault, None] = {}

    @property
    def problems(self) -> list[Problem]:
        """All problems so far: those in files first, in order of position, then those of command-line options."""
        ordered = sorted(self._faults, key=lambda fault: (not fault.place.line, fault.place))
        return [Problem(str(place), path, message) for place, path, message in ordered]

    def report(self, node: Node, message: str, *, path: str | None = None, place: Place | None = None) -> None:
        """Record a problem with a node; duplicates are recorded once."""
        self._faults[Fault(place or node.place, node.path if path is None else path, message)] = None

    def model(self, cls: type[Model], node: Node) -> Model | None:
        """Build a model from a mapping, including the plugins in its fields; return None if it has problems.

        The node is converted to JSON with handles in place of plugins, and validated strictly.
        """
        handles: dict[str, Plugin] = {}
        values: dict[str, Any] = {}
        for key, child in (node.map or {}).items():
            field = cls.model_fields.get(key)
            kind = plugin_kind(field.annotation) if field else None
            is_plugin = kind is not None and (child.value is not None or child is ABSENT)
            values[key] = self._with_handles(child, kind or "", handles) if is_plugin else self._plain(child)
        try:
            return cls.model_validate_json(json.dumps(values), strict=True, context={"plugins": handles})
        except ValidationError as error:
            errors = [details for details in error.errors(include_url=False) if details["input"] != _FAILED]
            self._faults |= dict.fromkeys(validation_messages(errors, cls, node))
            return None

    def plugin(self, node: Node, kind: str) -> Plugin | None:
        """Build the plugin that a node names, with or without parameters; return None if it has problems."""
        key = id(node), kind
        if key not in self._plugins:  # keep the node alive, so that its id is not reused
            self._plugins[key] = node, None if node is ABSENT else self._plugin(node, kind)
        return self._plugins[key][1]

    def _plain(self, node: Node) -> Any:
        """Return a value without places; Python objects are reported, except arrays, which are lists of numbers."""
        if node.map is not None:
            return {key: self._plain(child) for key, child in node.map.items()}
        if node.list is not None:
            return [self._plain(child) for child in node.list]
        if not isinstance(node.value, Given):
            return _whole(node.value)
        if isinstance(node.value.value, (np.ndarray, Tensor)):
            return node.value.value.tolist()
        self.report(node, f"must be a plain value, got {describe_value(node)}")
        return _FAILED

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
        if isinstance(node.value, Given):
            return self._given(node, node.value.value, kind)
        name, params = self._name_and_params(node, kind)
        if name is None:
            return None
        try:
            cls = self._registry.get(kind, name)
        except NoisereelError as error:
            self.report(node, str(error))
            return None
        return self._built(cls, name, self._params(cls, name, node, params))

    def _given(self, node: Node, value: object, kind: str) -> Plugin | None:
        """Return the plugin that a Python object stands for; a schedule is checked like one that a scene names."""
        try:
            plugin = as_plugin(value, kind, self._registry.base(kind))
            reason = check_schedule(plugin) if isinstance(plugin, Schedule) else None
        except (ArithmeticError, UsageError, ValueError) as error:
            plugin, reason = None, str(error)
        if reason is not None:
            self.report(node, reason)
        return None if reason is not None else plugin

    def _name_and_params(self, node: Node, kind: str) -> tuple[str | None, Node | None]:
        """Return the plugin's name and the node of its parameters, if any."""
        if isinstance(node.value, str):
            return node.value, None
        entries = node.map or {}
        if len(entries) == 1:
            return next(iter(entries.items()))
        if entries:
            names = " and ".join(f"'{name}'" for name in [*entries][:3])
            hint = "" if {*entries} <= {*self._registry.names(kind)} else "; indent parameters below the name"
            self.report(
                node, f"must name one {kind}, as NAME or {{NAME: {{parameters}}}}, got {names} side by side{hint}"
            )
        else:
            self.report(node, f"must name a {kind}, as NAME or {{NAME: {{parameters}}}}, got {describe_value(node)}")
        return None, None

    def _params(self, cls: type[Plugin], name: str, node: Node, params: Node | None) -> Node | None:
        """Return the parameters as a mapping; a bare value sets the primary field."""
        path = f"{node.path}.{name}".lstrip(".") if params is None else params.path
        if params is None or params.value is None:
            return Node({}, node.place if params is None else params.key or params.place, None, path)
        if params.map is not None and not self._is_plugin_of_primary(cls, params.map):
            return params
        if cls.primary is not None:
            return Node({cls.primary: params}, params.place, params.key, path)
        known = ", ".join(cls.model_fields) or "none"
        self.report(params, f"must be a mapping of parameters ({known}), got {describe_value(params)}")
        return None

    def _is_plugin_of_primary(self, cls: type[Plugin], entries: Mapping[str, Node]) -> bool:
        """Return whether a mapping is the plugin of the primary field, ``{NAME: {parameters}}``, instead of fields."""
        kind = plugin_kind(cls.model_fields[cls.primary].annotation) if cls.primary is not None else None
        names = self._registry.names(kind) if kind is not None else ()
        return len(entries) == 1 and not entries.keys() & cls.model_fields.keys() and next(iter(entries)) in names

    def _built(self, cls: type[Plugin], name: str, params: Node | None) -> Plugin | None:
        if params is None:
            return None
        try:
            plugin = self.model(cls, params)
            reason = check_schedule(plugin) if isinstance(plugin, Schedule) else None
        except (ArithmeticError, ValueError) as error:
            plugin, reason = None, describe_error(error) if isinstance(error, ArithmeticError) else str(error)
        except BaseException:
            with plugin_errors(f"{cls.kind} '{name}' failed on its parameters"):
                raise
        if reason is not None:
            self.report(params, reason)
        return plugin if reason is None else None
