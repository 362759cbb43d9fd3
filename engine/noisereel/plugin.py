"""What every plugin is: a frozen, validated description that can be compared, hashed and rebuilt."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

__all__ = ["Plugin", "plugins_in", "source_digest"]


class Plugin(BaseModel):
    """Base of all plugin classes; its fields *are* the parameters that a scene may set.

    A class that declares ``kind`` is a concept (Schedule, Sampler …); the classes below it are what a
    registry holds. A field annotated with a concept (``spacing: Spacing``) takes any plugin of it.

    Attributes:
        kind: The concept's name, as in the registry and in error messages.
        primary: The field that a bare value fills, so that ``{picture: logo.png}`` reads well.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: ClassVar[str]
    primary: ClassVar[str | None] = None

    def inputs(self, folder: Path) -> tuple[Path, ...]:
        """Files whose content this plugin itself needs, besides what a data set loads; caches are keyed by them."""
        return ()

    def advice(self) -> Iterable[str]:
        """What is allowed but likely not meant, one line each: shown as warnings, with the place in the scene."""
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
        """Take a plugin of this kind, or the handle of one that the scene loader has already built."""
        built = (info.context or {}).get("plugins", {})
        found = built.get(value, value) if isinstance(value, str) else value
        if isinstance(found, cls):
            return found
        raise PydanticCustomError("plugin_type", "must be a {kind}", {"kind": cls.kind})


def plugins_in(value: Any) -> Iterator[Plugin]:
    """A plugin and those in its fields, and theirs; those in a list."""
    if isinstance(value, Plugin):
        yield value
        value = tuple(getattr(value, name) for name in type(value).model_fields)
    if isinstance(value, (tuple, list)):
        for each in value:
            yield from plugins_in(each)


@cache
def source_digest(cls: type[Plugin]) -> str:
    """A digest of the code that a plugin class is made of, so that an edited plugin is never taken for the old one.

    It covers the modules that the class and its bases stand in, and what those use of their own packages; the engine
    is told apart by its version.
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
    if module is None or module.__name__ in seen or package in (__package__, *sys.stdlib_module_names, "pydantic"):
        return
    seen[module.__name__] = module
    for value in list(vars(module).values()):
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        if isinstance(name, str) and name.partition(".")[0] == package:
            _gather(sys.modules.get(name), seen)
