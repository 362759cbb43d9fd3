"""Validation messages: pydantic's errors in plain English, each at the node it is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from ..support.errors import suggest
from .nodes import Node, Place, describe_value

__all__ = ["Fault", "validation_messages"]


class Fault(NamedTuple):
    """One problem with a node.

    Attributes:
        place: Where the value was written.
        path: Dotted path of the value.
        message: What is wrong.
    """

    place: Place
    path: str
    message: str


class _Alternative(NamedTuple):
    """One alternative of an annotation, and its constraints."""

    type: Any
    constraints: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Error:
    """A pydantic error, located in the nodes.

    Attributes:
        details: pydantic's description.
        trail: Nodes from the outermost to the one that it is about.
        allowed: Alternatives for each of these nodes.
    """

    details: ErrorDetails
    trail: tuple[Node, ...]
    allowed: tuple[tuple[_Alternative, ...], ...]

    @property
    def node(self) -> Node:
        return self.trail[-1]

    @property
    def kind(self) -> str:
        return self.details["type"]

    @property
    def name(self) -> str | int:
        """Last part of its location: the key, if one is missing or unknown."""
        return self.details["loc"][-1] if self.details["loc"] else ""


def validation_messages(errors: Iterable[ErrorDetails], model: type[BaseModel], node: Node) -> Iterator[Fault]:
    """Yield one fault for each value of a node that a model rejected.

    Args:
        errors: Errors from pydantic.
        model: The model that rejected the node.
        node: The rejected node.
    """
    groups: dict[int, list[_Error]] = {}
    outer: set[int] = set()
    located = [error for error in (_locate(details, model, node) for details in errors) if not _is_consequence(error)]
    specific = [error for error in located if error.kind not in _TYPES]
    for error in located:
        groups.setdefault(id(error.node), []).append(error)
        outer.update(id(parent) for parent in error.trail[:-1])
    for key, group in groups.items():
        keyed = [
            error for error in group if error.kind in ("missing", "extra_forbidden") and isinstance(error.name, str)
        ]
        yield from (_missing(error) if error.kind == "missing" else _unknown(error) for error in keyed)
        others = [error for error in group if error not in keyed]
        # skip type errors if another branch of a union accepted the type: its errors, deeper or for a sibling, say more
        if others and not (
            all(error.kind in _TYPES for error in others) and (key in outer or keyed or _is_accepted(others, specific))
        ):
            yield Fault(others[0].node.place, others[0].node.path, _message(others))


def _is_consequence(error: _Error) -> bool:
    """Return whether a list counts as too short only because some of its items were rejected."""
    items = error.node.list
    return error.kind == "too_short" and items is not None and len(items) >= error.details["ctx"]["min_length"]


def _is_accepted(rejections: Sequence[_Error], specific: Iterable[_Error]) -> bool:
    """Return whether a union branch accepted this item, but rejected a sibling for more than its type."""
    if len(rejections[0].trail) < 2:
        return False
    parent = rejections[0].trail[-2]
    branches = [error.details["loc"][:-1] for error in rejections]
    return any(
        any(ancestor is parent for ancestor in error.trail[:-1])
        and not any(error.details["loc"][: len(branch)] == branch for branch in branches)
        for error in specific
    )


def _locate(details: ErrorDetails, model: type[BaseModel], node: Node) -> _Error:
    trail, allowed = [node], [tuple(_alternatives(model))]
    for part in details["loc"]:
        child = trail[-1].child(part)
        if child is not None:  # other parts name a branch of a union, or a key that is missing
            allowed.append(tuple(_child_alternatives(allowed[-1], part)))
            trail.append(child)
    return _Error(details, tuple(trail), tuple(allowed))


def _alternatives(annotation: Any, constraints: tuple[Any, ...] = ()) -> Iterator[_Alternative]:
    """Yield the alternatives of an annotation: the branches of unions, with the constraints of ``Annotated``."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        own = [c for item in more for c in (item.metadata if isinstance(item, FieldInfo) else (item,))]
        yield from _alternatives(inner, (*constraints, *own))
    elif origin in (Union, UnionType):
        for branch in get_args(annotation):
            yield from _alternatives(branch, constraints)
    else:
        yield _Alternative(annotation, constraints)


def _child_alternatives(allowed: Sequence[_Alternative], part: str | int) -> Iterator[_Alternative]:
    """Yield the alternatives for an entry or item."""
    for annotation, _ in allowed:
        arguments = get_args(annotation)
        if isinstance(part, str) and (field := _fields(annotation).get(part)):
            yield from _alternatives(field.annotation, tuple(field.metadata))
        elif isinstance(part, int) and arguments:
            is_fixed = _fixed_length(annotation) is not None
            yield from _alternatives(arguments[min(part, len(arguments) - 1) if is_fixed else 0])
        elif isinstance(part, str) and len(arguments) == 2:
            yield from _alternatives(arguments[1])


def _hints(annotation: Any) -> Mapping[str, str]:
    """Return what a model says to write instead of keys that users try."""
    hints: Mapping[str, str] = getattr(annotation, "hints", {})
    return hints


def _fields(annotation: Any) -> dict[str, FieldInfo]:
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return annotation.model_fields if is_model else {}


def _fixed_length(annotation: Any) -> int | None:
    arguments = get_args(annotation)
    is_fixed = get_origin(annotation) is tuple and arguments and arguments[-1] is not Ellipsis
    return len(arguments) if is_fixed else None


def _missing(error: _Error) -> Fault:
    """Return the fault of a mapping that lacks a key, with the purpose of the key."""
    path = f"{error.node.path}.{error.name}".lstrip(".")
    models = [_fields(alternative.type) for alternative in error.allowed[-1]]
    matches = [fields[str(error.name)] for fields in models if error.name in fields]
    purpose = (matches[0].description or "").strip().partition("\n")[0].rstrip(".") if matches else ""
    return Fault(error.node.place, path, f"is missing ({purpose[0].lower()}{purpose[1:]})" if purpose else "is missing")


def _unknown(error: _Error) -> Fault:
    """Return the fault of an unknown key."""
    hints = {key: hint for alternative in error.allowed[-2] for key, hint in _hints(alternative.type).items()}
    known = sorted({name for alternative in error.allowed[-2] for name in _fields(alternative.type)})
    hint = suggest(str(error.name), known) if known else "there are no parameters"
    hint = hints.get(str(error.name), hint)
    return Fault(error.node.key or error.node.place, error.node.path, f"unknown key '{error.name}'; {hint}")


def _message(errors: Sequence[_Error]) -> str:
    """Return one message for a value, although each branch of a union may have rejected it for its own reason."""
    specific = [error for error in errors if error.kind not in _TYPES]
    if specific:
        return _specific(specific[0])
    expected = list(dict.fromkeys(_expected(error) for error in errors))
    return f"must be {' or '.join(expected)}, got {describe_value(errors[0].node)}{_nearest(errors)}"


_TYPES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "literal_error": "",
    "plugin_type": "",
    "none_required": "nothing",
}
"""Errors about the type of a value alone, and the type that each expects."""


def _expected(error: _Error) -> str:
    context = error.details.get("ctx", {})
    if error.kind == "literal_error":
        return str(context["expected"])
    if error.kind == "plugin_type":
        return f"a {context['kind']}"
    lengths = [n for alternative in error.allowed[-1] if (n := _fixed_length(alternative.type)) is not None]
    return f"a list of {lengths[0]}" if error.kind == "tuple_type" and lengths else _TYPES[error.kind]


def _nearest(errors: Sequence[_Error]) -> str:
    """Return a suggestion of the closest allowed text, or an empty text if none is close."""
    text = errors[0].node.value
    known = [name for e in errors if e.kind == "literal_error" for name in re.findall("'([^']*)'", _expected(e))]
    hint = suggest(text, known) if isinstance(text, str) and known else ""
    return f"; {hint}" if hint.startswith("did you mean") else ""


def _specific(error: _Error) -> str:
    """Return the message of an error that is about more than a type."""
    got, context = f", got {describe_value(error.node)}", error.details.get("ctx", {})
    match error.kind:
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than":
            return f"must be {_range(error)}{got}"
        case "value_error" | "assertion_error":
            return str(context["error"])
        case "missing" | "too_long" | "too_short":
            return f"must hold {_length(error)}{got}"
        case "string_too_short":
            return "must not be empty"
        case "finite_number":
            return f"must be finite{got}"
    return error.details["msg"].replace("Input should", "must").replace("String should", "must") + got


_BOUNDS = {
    ("ge", "le"): "between {0:,} and {1:,}",
    ("gt", "le"): "above {0:,} and at most {1:,}",
    ("ge", "lt"): "at least {0:,} and below {1:,}",
    ("gt", "lt"): "above {0:,} and below {1:,}",
    ("ge", ""): "at least {0:,}",
    ("gt", ""): "above {0:,}",
    ("", "le"): "at most {1:,}",
    ("", "lt"): "below {1:,}",
}


def _range(error: _Error) -> str:
    """Return the whole allowed range; the error itself gives only one of its ends."""
    bounds = dict(error.details.get("ctx", {}))
    for alternative in error.allowed[-1]:
        own = {b: getattr(c, b) for c in alternative.constraints for b in ("ge", "gt", "le", "lt") if hasattr(c, b)}
        if bounds.items() <= own.items():
            bounds = own
            break
    low, high = next(filter(bounds.__contains__, ("ge", "gt")), ""), next(filter(bounds.__contains__, ("le", "lt")), "")
    return _BOUNDS[low, high].format(bounds.get(low), bounds.get(high))


def _length(error: _Error) -> str:
    context = error.details.get("ctx", {})
    for alternative in error.allowed[-1]:
        if (length := _fixed_length(alternative.type)) is not None:
            return f"{length} values"
    if error.kind == "too_short":
        return f"at least {context['min_length']}"
    return f"at most {context['max_length']}"
