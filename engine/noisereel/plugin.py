"""What every plugin is: a frozen, validated description that can be compared, hashed and rebuilt."""

from __future__ import annotations

import hashlib
import sys
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

__all__ = ["Plugin", "source_digest"]


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
        """Files whose content this plugin depends on, besides what a data set loads; caches are keyed by them."""
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


@cache
def source_digest(cls: type[Plugin]) -> str:
    """A digest of the file that a plugin class is written in: an edited plugin is never taken for the old one."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    content = Path(file).read_bytes() if file else cls.__qualname__.encode()
    return hashlib.blake2b(content, digest_size=12).hexdigest()
