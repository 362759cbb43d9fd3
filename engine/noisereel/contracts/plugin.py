"""Plugins: frozen, validated configurations that can be compared, hashed and rebuilt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

__all__ = ["Plugin", "PluginCodec", "plugins_in"]


class Plugin(BaseModel):
    """Base of all plugin classes; its fields *are* the parameters that a scene can set.

    A class that declares ``kind`` is a concept (Schedule, Sampler …); its subclasses are what the registry
    holds. A field annotated with a concept (``spacing: Spacing``) takes any plugin of it.

    Attributes:
        kind: The concept's name, as in the registry and in error messages.
        primary: The field that a bare value sets: ``{image: logo.png}`` means ``{image: {path: logo.png}}``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: ClassVar[str]
    primary: ClassVar[str | None] = None

    def __eq__(self, other: object) -> bool:
        """Compare classes and fields; what a plugin computed and kept, such as a schedule's levels, does not count."""
        if type(other) is not type(self):
            return NotImplemented
        return all(_is_equal(getattr(self, name), getattr(other, name)) for name in type(self).model_fields)

    def inputs(self, folder: Path) -> tuple[Path, ...]:
        """Return the files that this plugin reads, besides a data set's own: their content is part of cache keys."""
        return ()

    def lint(self) -> Iterable[str]:
        """Yield a one-line warning for each setting that is allowed but probably a mistake."""
        return ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if "kind" not in cls.__dict__:
            return handler(source)
        return core_schema.with_info_plain_validator_function(
            cls._accept, serialization=core_schema.plain_serializer_function_ser_schema(repr)
        )

    @classmethod
    def _accept(cls, value: Any, info: core_schema.ValidationInfo) -> Self:
        """Accept a plugin of this kind, or the handle of one that the scene loader has already built."""
        built = (info.context or {}).get("plugins", {})
        plugin = built.get(value, value) if isinstance(value, str) else value
        if isinstance(plugin, cls):
            return plugin
        raise PydanticCustomError("plugin_type", "must be a {kind}", {"kind": cls.kind})


def _is_equal(first: object, second: object) -> bool:
    """Return whether two values are equal; arrays, which have no single answer, are if they are the same object."""
    try:
        return first is second or bool(first == second)
    except (RuntimeError, TypeError, ValueError):
        return False


class PluginCodec(Protocol):
    """Converts plugins to plain values and back, for plugins that store or contain other plugins."""

    def name_of(self, plugin: Plugin | type[Plugin]) -> str:
        """Return the name a plugin is registered under."""

    def to_spec(self, plugin: Plugin) -> dict[str, Any]:
        """Return a plugin as plain values, ``{name: {field: value}}``, defaults and nested plugins included."""

    def from_spec(self, kind: str, spec: Mapping[str, Any], place: str) -> Plugin:
        """Rebuild the plugin of a kind from such values.

        Args:
            kind: Kind of the plugin.
            spec: ``{name: {field: value}}``.
            place: Where the values come from, for error messages.
        """


def plugins_in(value: Any) -> Iterator[Plugin]:
    """Yield a plugin and those in its fields, recursively; of a list, those of its items."""
    if isinstance(value, Plugin):
        yield value
        value = tuple(getattr(value, name) for name in type(value).model_fields)
    if isinstance(value, (tuple, list)):
        for item in value:
            yield from plugins_in(item)
