"""Plugin specs: plugins as plain values, to store with weights and rebuild from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ..contracts.plugin import Plugin
from ..registry import Registry
from ..support.errors import SceneError
from .builder import Builder
from .nodes import describe_object
from .yaml_nodes import parse

__all__ = ["PluginSpecs"]


@dataclass(frozen=True, slots=True)
class PluginSpecs:
    """Converts plugins to plain values and back (see `PluginCodec`).

    Attributes:
        registry: Registry of plugins.
    """

    registry: Registry

    def name_of(self, plugin: Plugin | type[Plugin]) -> str:
        """Return the name a plugin is registered under."""
        return self.registry.name_of(plugin)

    def to_spec(self, plugin: Plugin) -> dict[str, Any]:
        """Return a plugin as plain values, ``{name: {field: value}}``, defaults and nested plugins included."""
        fields = {field: self._plain(getattr(plugin, field)) for field in type(plugin).model_fields}
        return {self.name_of(plugin): fields}

    def from_spec(self, kind: str, spec: Mapping[str, Any], place: str) -> Plugin:
        """Rebuild a plugin from plain values, checked like a scene's.

        Args:
            kind: Kind of the plugin.
            spec: ``{name: {field: value}}``.
            place: Where the values come from, for error messages.

        Raises:
            SceneError: There is no such plugin, or these are not its fields.
        """
        builder = Builder(self.registry)
        plugin = builder.plugin(parse(json.dumps(spec), place), kind)
        if plugin is None:
            raise SceneError(builder.problems)
        return plugin

    def _plain(self, value: Any) -> Any:
        match value:
            case Plugin():
                return self.to_spec(value)
            case Mapping() | BaseModel():
                return {str(key): self._plain(item) for key, item in dict(value).items()}
            case list() | tuple() | set() | frozenset():
                return [self._plain(item) for item in value]
            case None | bool() | int() | float() | str():
                return value
            case Path():
                return str(value)
            case _:
                return describe_object(value)
