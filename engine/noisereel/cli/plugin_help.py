"""Plugin help: descriptions of plugins from their docstrings and fields, for ``noisereel plugins``."""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..registry import KINDS
from ..support.errors import UsageError, suggest
from .messages import wrapped

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from ..contracts.plugin import Plugin
    from ..registry.registry import Registry

__all__ = ["parameters", "plugin_help", "summaries"]


def plugin_help(name: str, registry: Registry) -> list[str]:
    """Return the description of a plugin and its parameters; one text for each kind with a plugin of that name.

    Args:
        name: A name, or kind/name.
        registry: Registry of plugins.

    Raises:
        UsageError: No plugin has that name.
    """
    kind, slash, bare = name.rpartition("/")
    kinds = [kind] if slash else [k for k in KINDS if bare in registry.names(k)]
    if slash and kind not in KINDS:
        raise UsageError(f"no kind of plugin is called '{kind}'; {suggest(kind, tuple(KINDS))}")
    if bare in KINDS and not kinds:
        raise UsageError(f"'{bare}' is a kind of plugin: 'noisereel plugins list {bare}' lists them all")
    if not kinds:
        known = sorted({n for k in KINDS for n in registry.names(k)})
        raise UsageError(f"no plugin is called '{name}'; {suggest(name, known)}")
    return [_help(k, bare, registry.get(k, bare), registry.package(k, bare)) for k in kinds]


def summaries(kind: str, registry: Registry) -> Iterator[tuple[str, str]]:
    """Yield the name and summary of every plugin of a kind; third-party summaries end with the package."""
    for name in registry.names(kind):
        first = _plain(inspect.getdoc(registry.get(kind, name)) or "").partition("\n")[0]
        package = registry.package(kind, name)
        yield name, first if package == "noisereel" else f"{first} ({package})"


def parameters(cls: type[Plugin]) -> list[tuple[str, str, str]]:
    """Return a plugin's parameters: name, type with default, and description with bounds."""
    return [(name, _default(info), " ".join(map(_sentence, _details(info)))) for name, info in cls.model_fields.items()]


def _sentence(text: str) -> str:
    """Return a text with a full stop, and a capital at the start unless that is a symbol."""
    is_word = text[:2].isascii() and text[:2].isalpha()
    return (text[:1].upper() if is_word else text[:1]) + text[1:].rstrip(".") + "."


def _help(kind: str, name: str, cls: type[Plugin], package: str) -> str:
    lines = [f"{name}  ({kind}, from {package})", "", *_paragraphs(_plain(inspect.getdoc(cls) or ""))]
    fields = cls.model_fields
    if fields:
        lines += ["", "parameters:"]
        width = max(map(len, fields))
        for field, info in fields.items():
            primary = "  (set by a bare value)" if field == cls.primary else ""
            lines.append(f"  {field:{width}}  {_default(info)}{primary}")
            lines += [line for text in _details(info) for line in wrapped(f"  {'':{width}}    ", text)]
    return "\n".join(line.rstrip() for line in lines)


def _plain(text: str) -> str:
    """Return a docstring with single backquotes around code."""
    return text.replace("``", "`")


def _paragraphs(text: str) -> Iterator[str]:
    """Yield the lines of a docstring, wrapped; paragraphs with indented lines, such as equations, are kept."""
    for i, paragraph in enumerate(text.split("\n\n")):
        lines = paragraph.splitlines()
        is_verbatim = not sys.stdout.isatty() or any(line.startswith(" ") for line in lines)
        yield from ([""] if i else [])
        yield from [f"  {line}" for line in lines] if is_verbatim else wrapped("  ", " ".join(lines))


def _default(info: FieldInfo) -> str:
    kind = _words(info.annotation)
    if info.is_required():
        return f"{kind}, required"
    default = info.get_default(call_default_factory=True)
    # A model as default, such as another plugin, has no short form. (Importing pydantic to ask for it takes too long.)
    return kind if default is None or hasattr(default, "model_fields_set") else f"{kind} = {_value(default)}"


def _value(value: Any) -> str:
    """Return a default as it is written in a scene."""
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if value == "":
        return '""'
    return str(value).lower() if isinstance(value, bool) else str(value)


def _details(info: FieldInfo) -> Sequence[str]:
    text = " ".join(_plain(info.description or "").split())
    bounds = [
        f"{symbol} {value:,}"
        for attr, symbol in _BOUNDS
        for m in info.metadata
        if (value := getattr(m, attr, None)) is not None
    ]
    return [part for part in (text, ", ".join(bounds)) if part]


_BOUNDS = (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below"))


def _words(annotation: Any) -> str:
    """Return a type in plain English."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is None or annotation is type(None):
        return ""
    if origin is typing.Literal:
        return " | ".join(map(_value, arguments))
    if origin is typing.Annotated:
        return _words(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return " | ".join(filter(None, dict.fromkeys(map(_words, arguments))))
    if origin is tuple:
        return (
            f"list of {_plural(_words(arguments[0]))}"
            if Ellipsis in arguments
            else "[" + ", ".join(map(_words, arguments)) + "]"
        )
    names = {int: "integer", float: "number", str: "text", bool: "true | false", Path: "file", Any: "anything"}
    name = getattr(annotation, "kind", None) or getattr(annotation, "__name__", annotation)
    return names.get(annotation, str(name))


def _plural(words: str) -> str:
    """Return the plural of a type; lists, choices and uncountable nouns have none."""
    return f"{words}s" if words in ("integer", "number", "file", *KINDS) else words
