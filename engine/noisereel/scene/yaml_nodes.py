"""YAML: documents as nodes.

Scalars follow YAML 1.2's core schema, and are converted here rather than by the YAML library: ``1e-3`` is a number,
``on`` is text, and tags are not allowed.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from ..support.errors import Problem, SceneError, suggest
from .nodes import Node, Place, Value

__all__ = ["MAX_DEPTH", "check_text", "parse"]

MAX_LENGTH = 1_000_000
MAX_NODES = 100_000
MAX_DEPTH = 40


def parse(text: str, name: str) -> Node:
    """Parse one YAML document.

    Args:
        text: The document.
        name: Name of the document in errors: a file or an option.

    Raises:
        SceneError: The text is not YAML, or uses features that scenes do not allow (tags, endless aliases, duplicate
            keys); the problems give line and column.
    """
    _check_characters(text, name)
    builder = _Builder(_events(text), name)
    try:  # depth is checked while parsing, because the scanner takes quadratic time on brackets inside brackets
        node = builder.document()
    except MarkedYAMLError as error:
        raise _syntax_error(error, text, name) from error
    except (YAMLError, ArithmeticError, ValueError) as error:
        raise _error(Place(name, 1, 1), f"is not YAML: {_first_line(error)}") from error
    if builder.problems:
        raise SceneError(builder.problems)
    return node


def _events(text: str) -> Iterator[Any]:
    with warnings.catch_warnings():  # unknown %DIRECTIVES give warnings, but have no effect
        warnings.simplefilter("ignore")
        yield from YAML(typ="safe", pure=True).parse(text)


_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that YAML forbids: control characters and lone surrogates."""

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""Line breaks of YAML, and of the library that counts lines."""


def _check_characters(text: str, name: str) -> None:
    """Refuse texts that are too long, or that hold characters that YAML forbids.

    Raises:
        SceneError: The text is such a one; the problem gives the first place.
    """
    if len(text) > MAX_LENGTH:
        message = f"is too long for a scene: {len(text):,} characters, at most {MAX_LENGTH:,}"
        raise _error(_place_at(text, MAX_LENGTH, name), message)
    if match := _FORBIDDEN.search(text):
        message = f"the control character {ascii(match[0])[1:-1]} is not allowed; remove it"
        raise _error(_place_at(text, match.start(), name), message)


def _place_at(text: str, index: int, name: str) -> Place:
    """Return the line and column of a character."""
    lines = _BREAK.split(text[:index])
    return Place(name, len(lines), len(lines[-1]) + 1)


class _Builder:
    """Builds nodes from the parser's events, which keep tags, anchors and duplicate keys visible."""

    def __init__(self, events: Iterator[Any], name: str) -> None:
        self.problems: list[Problem] = []
        self._events = events
        self._name = name
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._count = 0

    def document(self) -> Node:
        next(self._events)  # start of the stream
        event = next(self._events)
        if isinstance(event, StreamEndEvent):
            return Node(None, Place(self._name, 1, 1))
        node = self._node(next(self._events), 0)
        self._expect_end()
        return node

    def _expect_end(self) -> None:
        while isinstance(event := next(self._events), DocumentEndEvent):
            pass
        if not isinstance(event, StreamEndEvent):
            raise _error(self._place(event), "a second document begins here; a scene is one document")

    def _node(self, event: NodeEvent, depth: int) -> Node:
        place = self._place(event)
        self._count += 1
        if isinstance(event, AliasEvent):
            return self._alias(event, place)
        if (tag := getattr(event, "tag", None)) is not None:
            raise _error(place, f"tags such as '{tag}' are not allowed in a scene")
        if depth > MAX_DEPTH:
            raise _error(place, f"is nested more than {MAX_DEPTH} levels deep")
        before = self._count
        node = Node(self._value(event, place, depth), place)
        if event.anchor is not None:
            self._anchors[event.anchor] = node, self._count - before
        if self._count > MAX_NODES:
            raise _error(place, f"expands to more than {MAX_NODES} values (each alias repeats its anchor)")
        return node

    def _value(self, event: NodeEvent, place: Place, depth: int) -> Value:
        if isinstance(event, ScalarEvent):
            check_text(event.value, place)
            return event.value if event.style else _scalar(event.value, place)
        if isinstance(event, SequenceStartEvent):
            return tuple(self._items(depth))
        assert isinstance(event, MappingStartEvent)
        return self._mapping(depth)

    def _items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self._events), SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _mapping(self, depth: int) -> Mapping[str, Node]:
        entries: dict[str, Node] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            key, place = self._key(event)
            value = replace(self._node(next(self._events), depth + 1), key=place)
            if key in entries:
                first = entries[key].key
                assert first is not None
                message = f"duplicate key '{key}' (first on line {first.line})"
                self.problems.append(Problem(str(place), "", message))
            entries.setdefault(key, value)
        return entries

    def _key(self, event: NodeEvent) -> tuple[str, Place]:
        place = self._place(event)
        if not isinstance(event, ScalarEvent) or event.ctag is not None:
            raise _error(place, "keys must be plain text")
        self._count += 1
        check_text(event.value, place)
        return event.value, place

    def _alias(self, event: AliasEvent, place: Place) -> Node:
        if event.anchor not in self._anchors:
            message = f"unknown alias '*{event.anchor}'; {suggest(event.anchor, [*self._anchors])}"
            raise _error(place, message)
        node, size = self._anchors[event.anchor]
        self._count += size
        if self._count > MAX_NODES:
            raise _error(place, f"expands to more than {MAX_NODES} values (each alias repeats its anchor)")
        return node

    def _place(self, event: Any) -> Place:
        return Place(self._name, event.start_mark.line + 1, event.start_mark.column + 1)


def check_text(text: str, place: Place) -> None:
    """Refuse what escapes can produce but no file or file name can hold: lone surrogates and NUL.

    Raises:
        SceneError: The text contains one.
    """
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise _error(place, "contains an invalid character (a lone surrogate)")
    if "\0" in text:
        raise _error(place, "contains an invalid character (NUL)")


# The core schema of YAML 1.2, section 10.3.2
_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"([-+]?)\.(inf|Inf|INF)")
_NAN = re.compile(r"\.(nan|NaN|NAN)")


def _scalar(text: str, place: Place) -> bool | int | float | str | None:
    """Return the value of a scalar without quotes."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return bool(_TRUE.fullmatch(text))
    if _NAN.fullmatch(text):
        return math.nan
    if match := _INFINITE.fullmatch(text):
        return -math.inf if match[1] == "-" else math.inf
    if _INT.fullmatch(text) or _FLOAT.fullmatch(text):
        return _number(text, place)
    return text


def _number(text: str, place: Place) -> int | float:
    if len(text) > 100:
        raise _error(place, f"a number of {len(text)} characters is too long")
    if not _INT.fullmatch(text):
        return float(text)
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


# The parser's messages, and their meaning for the author of a scene
_PLAIN_WORDS = (
    (
        r"mapping values are not allowed",
        "a ':' is not allowed here; check the indentation, and quote text that contains one",
    ),
    (r"character '\\t'", "tabs cannot indent; use spaces"),
    (r"character '(.)' that cannot start", "text that begins with '{0}' must be quoted"),
    (r"unexpected end of stream", "a quote is never closed"),
    (r"expected ',' or '([\]}])', but got '<stream end>'", "a bracket is never closed; '{0}' is missing"),
    (
        r"expected ',' or '([\]}])', but got ':'",
        "',' or '{0}' is missing before ':'; text that contains one must be quoted",
    ),
    (r"expected ',' or '([\]}])', but got '<.+>'", "',' or '{0}' is missing before this"),
    (r"expected ',' or '([\]}])', but got '(.+)'", "',' or '{0}' is missing before '{1}'"),
    (r"expected <block end>", "does not fit the lines before it; check the indentation"),
    (r"could not find expected ':'", "a ':' is missing"),
    (r"expected the node content, but found '<stream end>'", "a value or a closing bracket is missing at the end"),
    (r"expected the node content, but found '(.+)'", "a value is missing before '{0}'"),
)


def _syntax_error(error: MarkedYAMLError, text: str, name: str) -> SceneError:
    problem = str(error.problem or error.context or "")
    mark = error.problem_mark or error.context_mark
    message = _in_plain_words(problem)
    if ("never closed" in message or "':' is missing" in message) and error.context_mark is not None:
        mark = error.context_mark  # the opening or the key is more useful than where the parser gave up
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    if "\xa0" in _BREAK.split(text)[line]:
        message += r"; this line holds a no-break space (\xa0): use plain spaces"
    return _error(Place(name, line + 1, column + 1), message)


def _in_plain_words(problem: str) -> str:
    for pattern, words in _PLAIN_WORDS:
        if match := re.search(pattern, problem):
            return words.format(*match.groups())
    return f"is not YAML: {problem}"


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _error(place: Place, message: str) -> SceneError:
    return SceneError([Problem(str(place), "", message)])
