"""The page on the Python API, from the public modules' names, signatures and docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from itertools import islice
from pkgutil import walk_packages
from types import ModuleType
from typing import Any, NamedTuple

import noisereel

from .fields import fields_of
from .markdown import code, joined, links, plain
from .text import description, sections, signature, variable

__all__ = ["page"]

INTRODUCTION = """# Python API

Generated from signatures and docstrings by `python docs/make_reference.py`. Everything in `noisereel.__all__` can be
imported from `noisereel` itself; it is marked with a star. Shapes are those of tensors and arrays: n particles or
samples, `*event` the shape of one of them."""


class _Chapter(NamedTuple):
    """Names of one module, below one heading."""

    heading: str
    text: str
    module: ModuleType
    values: Mapping[str, Any]


def page(modules: Sequence[str]) -> str:
    """Return the page as Markdown.

    Args:
        modules: Names of the modules to describe after the functions of `noisereel.api`.
    """
    chapters = list(_chapters([import_module(name) for name in modules]))
    links_left = iter(links(text for each in chapters for text in (each.heading, *each.values)))
    contents = [f"- {next(links_left)}: {', '.join(islice(links_left, len(each.values)))}" for each in chapters]
    return joined([INTRODUCTION, "\n".join(contents), *(text for each in chapters for text in _sections(each))])


def _chapters(modules: Sequence[ModuleType]) -> Iterator[_Chapter]:
    """Yield first the functions, then the values that they take and return, then every module; nothing twice."""
    api = import_module("noisereel.api")
    functions = sorted(api.__all__, key=lambda name: (inspect.isclass(vars(api)[name]), api.__all__.index(name)))
    yield _Chapter("Functions", _summary(api), api, _values(api, functions))
    known = [vars(module)[name] for module in (api, *modules) for name in module.__all__]
    others = _others(api, known)
    yield _Chapter("Arguments and results", "Other values that these functions take or return.", api, others)
    for module in modules:
        names = [name for name in module.__all__ if name not in functions or vars(api)[name] is not vars(module)[name]]
        yield _Chapter(module.__name__, _summary(module), module, _values(module, names))


def _summary(module: ModuleType) -> str:
    return plain((module.__doc__ or "").split("\n\n")[0])


def _values(module: ModuleType, names: Sequence[str]) -> dict[str, Any]:
    return {name: vars(module)[name] for name in names}


def _others(api: ModuleType, known: Sequence[Any]) -> dict[str, Any]:
    """Return the engine's other classes that signatures of an API mention, and other names of `noisereel`."""
    text = "\n".join(signature(each) for value in map(vars(api).get, api.__all__) for each in _functions(value))
    names = sorted(found.name for found in walk_packages(noisereel.__path__, "noisereel."))
    classes = {
        name: vars(module)[name]
        for module in [import_module(name) for name in names if not name.endswith("__main__")]
        for name in getattr(module, "__all__", ())
        if inspect.isclass(vars(module).get(name))
    }
    found = {name: classes[name] for name in sorted({*re.findall(r"\w+", text)} & classes.keys())}
    found |= {name: getattr(noisereel, name) for name in noisereel.__all__ if not name.startswith("_")}
    return {name: value for name, value in found.items() if not any(value is each for each in known)}


def _functions(value: Any) -> Iterator[Any]:
    """Yield a function, or the public functions of a class."""
    members = [(value.__name__, value)] if inspect.isfunction(value) else vars(value).items()
    for name, member in members:
        function = getattr(member, "__func__", getattr(member, "fget", member))
        if inspect.isfunction(function) and not name.startswith("_"):
            yield function


def _sections(chapter: _Chapter) -> Iterator[str]:
    yield f"## {chapter.heading}"
    yield chapter.text
    for name, value in chapter.values.items():
        yield f"### {name}"
        yield from _entry(name, value, chapter.module)


def _entry(name: str, value: Any, module: ModuleType) -> Iterator[str]:
    star = " ★" if name in noisereel.__all__ else ""
    if inspect.isclass(value):
        place = "" if name in module.__all__ else f"{value.__module__}."
        bases = "NamedTuple" if hasattr(value, "_fields") else ", ".join(base.__name__ for base in value.__bases__)
        yield code(f"class {place}{name}({bases})".replace("(object)", "")) + star
        yield from _class(value)
    elif inspect.isfunction(function := inspect.unwrap(value)):
        yield code(name + signature(function)) + star
        yield from sections(function)
    else:
        assignment, text = variable(name, module)
        yield code(assignment) + star
        yield text


def _class(cls: type) -> Iterator[str]:
    yield description(cls)
    yield "\n".join(fields_of(cls))
    yield from filter(None, (_member(name, each) for name, each in vars(cls).items() if not name.startswith("_")))


def _member(name: str, member: Any) -> str:
    """Return a paragraph about a method or property; nothing about what has no docstring of its own."""
    function = getattr(member, "__func__", getattr(member, "fget", member))
    if not inspect.isfunction(function) or not function.__doc__:
        return ""
    first, *rest = sections(function)
    arguments = "" if isinstance(member, property) else signature(function)
    return "\n\n".join([f"**`{name}{arguments}`**: {first}", *rest])
