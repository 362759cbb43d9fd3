"""Text of docstrings in Google style, and of the strings below variables."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, ForwardRef

from docstring_parser import Docstring, DocstringStyle, parse

from .markdown import plain

__all__ = ["annotation", "attributes", "description", "sections", "signature", "variable", "written"]

_LONGEST = 90


def parsed(value: Any) -> Docstring:
    """Return the parts of a docstring, which may be inherited."""
    return parse(inspect.getdoc(value) or "", DocstringStyle.GOOGLE)


def description(value: Any) -> str:
    """Return the text of a docstring without its sections, except for references."""
    text = (parsed(value).description or "").replace("``", "`").strip()
    return re.sub(r"\n+References:\s+", "\n\nReferences: ", text)


def attributes(value: Any) -> dict[str, str]:
    """Return the text of each argument or attribute by name."""
    return {each.arg_name: plain(each.description or "") for each in parsed(value).params}


def sections(function: Any) -> Iterator[str]:
    """Yield a function's description, arguments, result and errors as Markdown."""
    yield description(function)
    parts = parsed(function)
    rows = [f"- `{name}`: {text}" for name, text in attributes(function).items()]
    rows += [f"- returns: {plain(parts.returns.description or '')}"] if parts.returns else []
    rows += [f"- raises `{each.type_name}`: {plain(each.description or '')}" for each in parts.raises]
    if rows:
        yield "\n".join(rows)


class _Written(str):
    """Text that signatures show as it is."""

    __repr__ = str.__str__


def signature(function: Any) -> str:
    """Return a function's signature, without self or cls."""
    found = inspect.signature(function)
    empty = inspect.Parameter.empty
    parameters = [
        each.replace(
            annotation=empty if each.annotation is empty else annotation(each.annotation),
            default=empty if each.default is empty else written(each.default),
        )
        for each in found.parameters.values()
        if each.name not in ("self", "cls")
    ]
    result = found.return_annotation
    return str(
        found.replace(parameters=parameters, return_annotation=result if result is empty else annotation(result))
    )


def annotation(value: Any) -> str:
    """Return a type as it is written, without quotes around it."""
    if isinstance(value, (str, ForwardRef)):
        text = getattr(value, "__forward_arg__", value)
        return _Written(ast.literal_eval(text) if text.startswith(("'", '"')) else text)
    return _Written(value.__name__) if inspect.isclass(value) else _Written(value)


def written(value: Any) -> str:
    """Return a default as it is written, without addresses in memory."""
    if inspect.isclass(value) or inspect.isfunction(value):
        return _Written(value.__name__)
    if isinstance(value, Path):
        return _Written(f"Path({str(value)!r})")
    return _Written(repr(dict(value)) if isinstance(value, MappingProxyType) else repr(value))


def variable(name: str, module: ModuleType) -> tuple[str, str]:
    """Return the assignment of a module's variable as it is written, and the string below it."""
    for each in (module, *_below(module)):
        body = ast.parse(inspect.getsource(each)).body
        for statement, following in zip(body, [*body[1:], None], strict=True):
            if isinstance(statement, (ast.Assign, ast.AnnAssign)) and name in _targets(statement):
                return _assignment(name, statement), _string(following)
    return name, ""


def _targets(statement: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]


def _assignment(name: str, statement: ast.Assign | ast.AnnAssign) -> str:
    """Return an assignment as it is written, without the value if that is long."""
    value = "" if statement.value is None else f" = {ast.unparse(statement.value)}"
    kind = f": {ast.unparse(statement.annotation)}" if isinstance(statement, ast.AnnAssign) else ""
    return name + kind + (value if len(value) <= _LONGEST and len(_targets(statement)) == 1 else "")


def _below(module: ModuleType) -> list[ModuleType]:
    """Return the modules of a package that are loaded."""
    return [each for name, each in sorted(sys.modules.items()) if name.startswith(f"{module.__name__}.")]


def _string(statement: ast.stmt | None) -> str:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return plain(str(statement.value.value))
    return ""
