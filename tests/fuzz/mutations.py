"""Mutations: the gallery's scenes with a few random mistakes, as a tree of values or as text."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML

from noisereel.registry import Registry
from noisereel.scene import SCENE_KEYS
from noisereel.scene.specs import FilmSettings, Layout, PanelSpec

__all__ = ["Mutator"]


@dataclass
class Raw:
    """Text to put into the scene as it is."""

    text: str


@dataclass
class Map:
    """A mapping in which a key may occur twice."""

    entries: list[tuple[str, Any]]


Slot = tuple[Any, int]
"""A place in a tree: a `Map` or list, and an index in it."""

VALUES = (
    None, True, False, 0, -1, 1, 2, 3, 0.5, 1e-300, 1e300, -1e300, 10**30, 2**63, 65536, -0.0,
    float("nan"), float("inf"), float("-inf"),
    "", " ", "a", "x" * 5000, "é" * 300, "1e-3", "0x10", "1:1", "data", "t", "run", "{t}", "{t:.2f}", "{T:%}", "{nope}",
    "{", "{}", "{t!r}", "{sigma:1000}", "$\\sqrt{x}$", "$x", "$\\frac{1}$", "$" + "{" * 30 + "}" * 30 + "$", "\\", "#1",
    "\0", "\x1b[31m", "a\nb", "\u00a0", "\u202e", "\ud800", "\U0001f600", "日本語", "../..", ".", "missing.csv",
    [], [[]], {}, {"": 1}, {"a": {"b": {}}}, [0], [0, 0], [1, 2], [-1, 1], [1, -1], [None], [float("nan"), 1], ["a"],
    [[1, 2], [3, 4]], [[1, 2], [3]], [1e300, -1e300], list(range(100)), [[]] * 100,
)  # fmt: skip
LETTERS = "\0\a\t\r\x1b\x7f\x85\u00a0\u200b\u200d\u2028\u202e\ufeff\ufffe\ud7ff\U0001f600é'\"[]{}&*!|>%@`,:#-?\\~$ \n"


class Mutator:
    """Makes mutants of the gallery's scenes; each depends on the seed and its number only."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._texts = [file.read_text(encoding="utf-8") for _, file in sorted(registry.scenes().items())]
        self._trees = [_tree(YAML(typ="safe", pure=True).load(text)) for text in self._texts]
        self._kinds = {name: kind for kind in registry.kinds for name in registry.names(kind)}
        keys = {*SCENE_KEYS, *PanelSpec.model_fields, *FilmSettings.model_fields, *Layout.model_fields}
        self._keys = sorted(keys)

    def mutant(self, seed: int, number: int) -> str:
        """Return the text of a mutant."""
        rng = random.Random(f"{seed}/{number}")
        scene = rng.randrange(len(self._texts))
        text = self._texts[scene]
        on_text = rng.random()
        if on_text < 0.75:
            tree = deepcopy(self._trees[scene])
            for _ in range(rng.choice((1, 1, 1, 2, 3))):
                rng.choice(self._tree_mutations())(tree, rng)
            text = "".join(f"{_text(key)}: {_text(value)}\n" for key, value in tree.entries)
        if on_text > 0.7:
            for _ in range(rng.choice((1, 1, 2))):
                text = rng.choice(TEXT_MUTATIONS)(text, rng)
        return text

    def _tree_mutations(self) -> tuple[Callable[[Map, random.Random], None], ...]:
        plugins = (self._set_parameter,) * 4 + (self._swap_plugin,) * 3
        keys = (self._add_key, _misspell, _remove, _repeat, _move)
        return *plugins, *keys, _replace, _replace, _scale, _deepen, _insert_letter, _enlarge

    def _set_parameter(self, tree: Map, rng: random.Random) -> None:
        """Give a plugin one of its parameters, with any value."""
        if not (places := [slot for slot in _slots(tree) if _name(slot) in self._kinds]):
            return
        slot = rng.choice(places)
        name = _name(slot)
        fields = [*self._registry.get(self._kinds[name], name).model_fields]
        if not fields:
            return
        parameter = (rng.choice(fields), self._value(rng))
        if isinstance(slot[0], Map) and slot[0].entries[slot[1]][0] == name:
            given = _get(slot)
            _set(slot, Map([*(given.entries if isinstance(given, Map) else []), parameter]))
        else:
            _set(slot, Map([(name, Map([parameter]))]))

    def _value(self, rng: random.Random) -> Any:
        if rng.random() < 0.3:
            return _tree(rng.choice(VALUES))
        if rng.random() < 0.1:
            return rng.choice([*self._kinds])
        return rng.choice((rng.randint(-5, 50), round(rng.uniform(-2, 2), 3), 10 ** rng.randint(-9, 5)))

    def _swap_plugin(self, tree: Map, rng: random.Random) -> None:
        """Put another plugin in the place of one, mostly of the same kind, with the parameters of the first or none."""
        if not (places := [slot for slot in _slots(tree) if _name(slot) in self._kinds]):
            return
        slot = rng.choice(places)
        name = _name(slot)
        same = [*self._registry.names(self._kinds[name])]
        other = rng.choice(same if rng.random() < 0.8 else [*self._kinds])
        if isinstance(slot[0], Map) and slot[0].entries[slot[1]][0] == name:
            slot[0].entries[slot[1]] = (other, _get(slot) if rng.random() < 0.3 else None)
        else:
            _set(slot, other)

    def _add_key(self, tree: Map, rng: random.Random) -> None:
        maps = [tree, *(value for slot in _slots(tree) if isinstance(value := _get(slot), Map))]
        entries = rng.choice(maps).entries
        entries.insert(rng.randint(0, len(entries)), (rng.choice(self._keys), self._value(rng)))


def _tree(value: Any) -> Any:
    if isinstance(value, Mapping):
        return Map([(str(key), _tree(child)) for key, child in value.items()])
    return [_tree(child) for child in value] if isinstance(value, (list, tuple)) else value


def _text(value: Any) -> str:
    """Return a tree as YAML in one line."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, Map):
        return "{" + ", ".join(f"{_text(key)}: {_text(child)}" for key, child in value.entries) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_text, value)) + "]"
    return (
        json.dumps(value, ensure_ascii=isinstance(value, str) and "\ud800" in value)
        .replace("NaN", ".nan")
        .replace("Infinity", ".inf")
    )


def _slots(tree: Any) -> Iterator[Slot]:
    if isinstance(tree, (Map, list)):
        children = [value for _, value in tree.entries] if isinstance(tree, Map) else tree
        for index, child in enumerate(children):
            yield tree, index
            yield from _slots(child)


def _get(slot: Slot) -> Any:
    parent, index = slot
    return parent.entries[index][1] if isinstance(parent, Map) else parent[index]


def _set(slot: Slot, value: Any) -> None:
    parent, index = slot
    if isinstance(parent, Map):
        parent.entries[index] = (parent.entries[index][0], value)
    else:
        parent[index] = value


def _items(slot: Slot) -> list[Any]:
    return slot[0].entries if isinstance(slot[0], Map) else slot[0]


def _name(slot: Slot) -> str:
    """Return the plugin that is perhaps named here: by the value, or by the key if the value is no text."""
    value = _get(slot)
    if isinstance(value, str):
        return value
    return slot[0].entries[slot[1]][0] if isinstance(slot[0], Map) else ""


def _any(tree: Map, rng: random.Random) -> Slot:
    slots = [*_slots(tree)] or [(Map([("a", None)]), 0)]
    return rng.choice(slots)


def _replace(tree: Map, rng: random.Random) -> None:
    _set(_any(tree, rng), _tree(rng.choice(VALUES)))


def _misspell(tree: Map, rng: random.Random) -> None:
    if slots := [slot for slot in _slots(tree) if isinstance(slot[0], Map) and slot[0].entries[slot[1]][0]]:
        (parent, index) = rng.choice(slots)
        key, value = parent.entries[index]
        at = rng.randrange(len(key))
        changed = (
            key[:at] + key[at + 1 :],
            key[:at] + key[at] + key[at:],
            key + rng.choice(LETTERS),
            key.swapcase(),
            key.replace("_", "-"),
            f" {key}",
            "",
        )
        parent.entries[index] = (rng.choice(changed), value)


def _remove(tree: Map, rng: random.Random) -> None:
    slot = _any(tree, rng)
    del _items(slot)[slot[1]]


def _repeat(tree: Map, rng: random.Random) -> None:
    slot = _any(tree, rng)
    items = _items(slot)
    items.insert(rng.randint(0, len(items)), items[slot[1]])


def _move(tree: Map, rng: random.Random) -> None:
    """Move an entry to another place, which may be a mapping or a list."""
    slot = _any(tree, rng)
    item = _items(slot).pop(slot[1])
    to = _items(_any(tree, rng))
    pairs = any(isinstance(other, tuple) for other in to)
    if isinstance(item, tuple) and not pairs:
        item = Map([item])
    elif pairs and not isinstance(item, tuple):
        item = (rng.choice(("a", "run", "title", "name")), item)
    to.insert(rng.randint(0, len(to)), item)


def _scale(tree: Map, rng: random.Random) -> None:
    numbers = [slot for slot in _slots(tree) if type(_get(slot)) in (int, float)]
    if numbers:
        slot = rng.choice(numbers)
        value = _get(slot) * rng.choice((-1, 0, 0.5, 3, 10, 1000, 1e9, 1e-9, 1e308))
        _set(slot, value)


def _deepen(tree: Map, rng: random.Random) -> None:
    slot = _any(tree, rng)
    depth = rng.choice((1, 1, 1, 2, 5, 39, 45, 500, 5000))
    start, end = rng.choice((("[", "]"), ("{a: ", "}"), ("{blend: [", "]}")))
    _set(slot, Raw(start * depth + _text(_get(slot)) + end * depth))


def _insert_letter(tree: Map, rng: random.Random) -> None:
    texts = [slot for slot in _slots(tree) if isinstance(_get(slot), str)]
    if texts:
        slot = rng.choice(texts)
        at = rng.randint(0, len(_get(slot)))
        _set(
            slot, _get(slot)[:at] + rng.choice((*LETTERS, "{t}", "{", "}", "$", "\\frac", "^{", "_")) + _get(slot)[at:]
        )


def _enlarge(tree: Map, rng: random.Random) -> None:
    """Repeat a text, an item or an entry many times."""
    slot, times = _any(tree, rng), rng.choice((30, 100, 1000, 20_000))
    value, items = _get(slot), _items(slot)
    if isinstance(value, str):
        _set(slot, value * times)
    elif isinstance(slot[0], list):
        items.extend([items[slot[1]]] * min(times, 100))
    else:
        items.extend((f"{items[slot[1]][0]}{i}", value) for i in range(min(times, 100)))


def _indent(text: str, rng: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    lines[at] = rng.choice((" " + lines[at], "  " + lines[at], "\t" + lines[at], lines[at].lstrip(" "), lines[at][1:]))
    return "".join(lines)


def _edit_lines(text: str, rng: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
    line = lines.pop(at)
    lines[to:to] = rng.choice(([], [line], [line, line]))
    return "".join(lines)


def _insert(text: str, rng: random.Random) -> str:
    at = rng.randint(0, len(text))
    return text[:at] + "".join(rng.choices(LETTERS, k=rng.choice((1, 1, 2, 5)))) + text[at:]


def _delete(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + text[at + rng.choice((1, 1, 3, 20)) :]


def _cut(text: str, rng: random.Random) -> str:
    return text[: rng.randrange(len(text) + 1)]


def _change_whole(text: str, rng: random.Random) -> str:
    changed = (
        text.replace("\n", "\r\n"),
        text.replace("\n", "\r"),
        "\ufeff" + text,
        "%YAML 1.1\n---\n" + text,
        text + "\n...\n---\na: 1\n",
        text * 2,
        text + "# " + "x" * 1_000_000,
    )
    return rng.choice(changed)


TEXT_MUTATIONS = (_indent, _indent, _edit_lines, _edit_lines, _insert, _insert, _delete, _delete, _cut, _change_whole)
