"""pydantic's errors in plain words, each about the node that it means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
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
    """One thing wrong: where it stands, its path and what to say."""

    place: Place
    path: str
    message: str


class _Meant(NamedTuple):
    """One alternative of an annotation, and the constraints on it."""

    type: Any
    constraints: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Error:
    """A pydantic error, found again in the nodes.

    Attributes:
        details: pydantic's own.
        trail: From the outermost node to the innermost that it is about.
        meant: What each of those may be.
    """

    details: ErrorDetails
    trail: tuple[Node, ...]
    meant: tuple[tuple[_Meant, ...], ...]

    @property
    def node(self) -> Node:
        return self.trail[-1]

    @property
    def kind(self) -> str:
        return self.details["type"]

    @property
    def name(self) -> str | int:
        """The last part of its place: of a missing key, the key."""
        return self.details["loc"][-1] if self.details["loc"] else ""


def validation_messages(errors: Iterable[ErrorDetails], model: type[BaseModel], node: Node) -> Iterator[Fault]:
    """What is wrong with a node that a model refused, in one fault for each value.

    Args:
        errors: What pydantic found.
        model: The class that refused it.
        node: What it was given.
    """
    groups: dict[int, list[_Error]] = {}
    outer: set[int] = set()
    located = [error for error in (_locate(details, model, node) for details in errors) if not _follows(error)]
    telling = [error for error in located if error.kind not in _TYPES]
    for error in located:
        groups.setdefault(id(error.node), []).append(error)
        outer.update(id(above) for above in error.trail[:-1])
    for key, group in groups.items():
        keyed = [
            error for error in group if error.kind in ("missing", "extra_forbidden") and isinstance(error.name, str)
        ]
        yield from (_missing(error) if error.kind == "missing" else _unknown(error) for error in keyed)
        rest = [error for error in group if error not in keyed]
        # a branch of a union that looked inside, or liked this item, says more than those that refused it whole
        if rest and not (
            all(error.kind in _TYPES for error in rest) and (key in outer or keyed or _liked(rest, telling))
        ):
            yield Fault(rest[0].node.place, rest[0].node.path, _said(rest))


def _follows(error: _Error) -> bool:
    """Whether a list is called too short only because items of it were refused."""
    items = error.node.list
    return error.kind == "too_short" and items is not None and len(items) >= error.details["ctx"]["min_length"]


def _liked(refusals: Sequence[_Error], telling: Iterable[_Error]) -> bool:
    """Whether a branch of a union took this item, and refused another of the same list for more than its type."""
    if len(refusals[0].trail) < 2:
        return False
    around = refusals[0].trail[-2]
    branches = [error.details["loc"][:-1] for error in refusals]
    return any(
        any(above is around for above in error.trail[:-1])
        and not any(error.details["loc"][: len(branch)] == branch for branch in branches)
        for error in telling
    )


def _locate(details: ErrorDetails, model: type[BaseModel], node: Node) -> _Error:
    trail, meant = [node], [tuple(_meant(model))]
    for part in details["loc"]:
        child = trail[-1].child(part)
        if child is not None:  # other parts name a branch of a union, or a key that is missing
            meant.append(tuple(_inside(meant[-1], part)))
            trail.append(child)
    return _Error(details, tuple(trail), tuple(meant))


def _meant(annotation: Any, constraints: tuple[Any, ...] = ()) -> Iterator[_Meant]:
    """The alternatives of an annotation: unions opened, the constraints of ``Annotated`` collected."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        opened = [one for item in more for one in (item.metadata if isinstance(item, FieldInfo) else (item,))]
        yield from _meant(inner, (*constraints, *opened))
    elif origin in (Union, UnionType):
        for branch in get_args(annotation):
            yield from _meant(branch, constraints)
    else:
        yield _Meant(annotation, constraints)


def _inside(meant: Sequence[_Meant], part: str | int) -> Iterator[_Meant]:
    """What an entry or item may be."""
    for annotation, _ in meant:
        arguments = get_args(annotation)
        if isinstance(part, str) and (field := _fields(annotation).get(part)):
            yield from _meant(field.annotation, tuple(field.metadata))
        elif isinstance(part, int) and arguments:
            fixed = _fixed_length(annotation) is not None
            yield from _meant(arguments[min(part, len(arguments) - 1) if fixed else 0])
        elif isinstance(part, str) and len(arguments) == 2:
            yield from _meant(arguments[1])


def _fields(annotation: Any) -> dict[str, FieldInfo]:
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return annotation.model_fields if is_model else {}


def _fixed_length(annotation: Any) -> int | None:
    arguments = get_args(annotation)
    is_fixed = get_origin(annotation) is tuple and arguments and arguments[-1] is not Ellipsis
    return len(arguments) if is_fixed else None


def _missing(error: _Error) -> Fault:
    """Said of the mapping that lacks the key, with what the key is for."""
    path = f"{error.node.path}.{error.name}".lstrip(".")
    found = [fields[str(error.name)] for meant in error.meant[-1] if error.name in (fields := _fields(meant.type))]
    purpose = (found[0].description or "").strip().partition("\n")[0].rstrip(".") if found else ""
    return Fault(error.node.place, path, f"is missing ({purpose[0].lower()}{purpose[1:]})" if purpose else "is missing")


def _unknown(error: _Error) -> Fault:
    """Said of the key itself."""
    known = sorted({name for meant in error.meant[-2] for name in _fields(meant.type)})
    hint = suggest(str(error.name), known) if known else "there are no parameters"
    return Fault(error.node.key or error.node.place, error.node.path, f"unknown key '{error.name}'; {hint}")


def _said(errors: Sequence[_Error]) -> str:
    """One message for a value, which every branch of a union may have refused for its own reason."""
    telling = [error for error in errors if error.kind not in _TYPES]
    if telling:
        return _specific(telling[0])
    wanted = list(dict.fromkeys(_expected(error) for error in errors))
    return f"must be {' or '.join(wanted)}, got {describe_value(errors[0].node)}{_nearest(errors)}"


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
"""Errors that say only that a value is of another type, and what they want."""


def _expected(error: _Error) -> str:
    context = error.details.get("ctx", {})
    if error.kind == "literal_error":
        return str(context["expected"])
    if error.kind == "plugin_type":
        return f"a {context['kind']}"
    lengths = [n for meant in error.meant[-1] if (n := _fixed_length(meant.type)) is not None]
    return f"a list of {lengths[0]}" if error.kind == "tuple_type" and lengths else _TYPES[error.kind]


def _nearest(errors: Sequence[_Error]) -> str:
    """The nearest of the texts that would do, if one is near."""
    text = errors[0].node.value
    known = [name for e in errors if e.kind == "literal_error" for name in re.findall("'([^']*)'", _expected(e))]
    hint = suggest(text, known) if isinstance(text, str) and known else ""
    return f"; {hint}" if hint.startswith("did you mean") else ""


def _specific(error: _Error) -> str:
    """What an error says that is about more than a type."""
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
    """Both ends of the range, of which the error itself names one."""
    bounds = dict(error.details.get("ctx", {}))
    for meant in error.meant[-1]:
        found = {b: getattr(c, b) for c in meant.constraints for b in ("ge", "gt", "le", "lt") if hasattr(c, b)}
        if bounds.items() <= found.items():
            bounds = found
            break
    low, high = next(filter(bounds.__contains__, ("ge", "gt")), ""), next(filter(bounds.__contains__, ("le", "lt")), "")
    return _BOUNDS[low, high].format(bounds.get(low), bounds.get(high))


def _length(error: _Error) -> str:
    context = error.details.get("ctx", {})
    for meant in error.meant[-1]:
        if (length := _fixed_length(meant.type)) is not None:
            return f"{length} values"
    if error.kind == "too_short":
        return f"at least {context['min_length']}"
    return f"at most {context['max_length']}"
