"""Plugins: frozen, validated configurations that can be compared, hashed and rebuilt."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Protocol, Self

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

__all__ = ["Plugin", "PluginCodec", "plugins_in", "source_digest"]


_ENGINE = __name__.partition(".")[0]


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


@cache
def source_digest(cls: type[Plugin]) -> str:
    """Return a digest of a plugin class's source code, so that an edited plugin gets another cache key.

    It covers the modules of the class and its bases, and what those import from their own packages; the engine is
    identified by its version instead.
    """
    seen: dict[str, ModuleType] = {}
    for base in cls.__mro__:
        _gather(sys.modules.get(base.__module__), seen)
    files = [module.__file__ for _, module in sorted(seen.items()) if module.__file__]
    content = b"".join(Path(file).read_bytes() for file in files) or cls.__qualname__.encode()
    return hashlib.blake2b(content, digest_size=12).hexdigest()


def _gather(module: ModuleType | None, seen: dict[str, ModuleType]) -> None:
    """Add a module, and those of the same top-level package that its names come from."""
    package = module.__name__.partition(".")[0] if module is not None else "builtins"
    if module is None or module.__name__ in seen or package in (_ENGINE, *sys.stdlib_module_names, "pydantic"):
        return
    seen[module.__name__] = module
    for value in list(vars(module).values()):
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        if isinstance(name, str) and name.partition(".")[0] == package:
            _gather(sys.modules.get(name), seen)
