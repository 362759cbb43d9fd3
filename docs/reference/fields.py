"""Fields of classes: named tuples, dataclasses and pydantic models."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from noisereel.cli.plugin_help import parameters

from .text import annotation, attributes, written

__all__ = ["fields_of"]


def fields_of(cls: type) -> Iterator[str]:
    """Yield a line about each field of a class, with its type, default and meaning."""
    meanings = attributes(cls)
    for name, kind, default, meaning in _fields(cls):
        text = meanings.pop(name, "") or meaning
        yield f"- `{name}: {kind}{default}`" + (f": {text}" if text else "")
    for name, text in meanings.items():  # class variables, properties
        yield f"- `{name}`: {text}"


def _fields(cls: type) -> Iterator[tuple[str, str, str, str]]:
    """Yield name, type as written, default with an equals sign, and documentation of each field."""
    types = {name: kind for base in cls.__mro__[::-1] for name, kind in inspect.get_annotations(base).items()}
    if issubclass(cls, BaseModel):
        for name, _, meaning in parameters(cls):
            info = cls.model_fields[name]
            default = "" if info.is_required() else _default(info.get_default(call_default_factory=True))
            yield name, annotation(types[name]), default, meaning
    elif dataclasses.is_dataclass(cls):
        for field in dataclasses.fields(cls):
            made = field.default_factory
            default = (
                f" = {made.__name__}()" if inspect.isclass(made) and made is not _NONE else _default(field.default)
            )
            if not field.name.startswith("_"):
                yield field.name, annotation(field.type), default, ""
    elif issubclass(cls, tuple):
        defaults = getattr(cls, "_field_defaults", {})
        for name in getattr(cls, "_fields", ()):
            yield name, annotation(types[name]), _default(defaults.get(name, _NONE)), ""


_NONE: Any = dataclasses.MISSING


def _default(value: Any) -> str:
    """Return a default with an equals sign, if there is one that is short when it is written."""
    return "" if value is _NONE or isinstance(value, BaseModel) else f" = {written(value)}"
