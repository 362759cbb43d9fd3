"""Identity: equal for equal content and code, different for anything that could change numbers."""

from __future__ import annotations

import enum
import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from noisereel.contracts.identity import UnkeyableError, identity

BIG = np.zeros(5000)


class Side(enum.Enum):
    LEFT = 1
    RIGHT = 2


class Plain:
    def __init__(self, value: object) -> None:
        self.value = value


def changed(array: Any, at: int, to: float) -> Any:
    array = array.copy() if isinstance(array, np.ndarray) else array.clone()
    array[at] = to
    return array


def loose(text: str) -> Any:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, "<cell>", "exec"), space)
    return space["f"]


def linear(weight: float) -> torch.nn.Module:
    module = torch.nn.Linear(2, 2)
    with torch.no_grad():
        module.weight.fill_(weight)
        module.bias.fill_(0)
    return module


DIFFERENT = {
    "numbers": (1, 2),
    "types": (1, "1"),
    "bytes": (b"a", b"b"),
    "big arrays": (BIG, changed(BIG, 2500, 1)),
    "dtypes": (np.zeros(3, np.float32), np.zeros(3, np.int32)),
    "shapes": (np.zeros((2, 3)), np.zeros((3, 2))),
    "tensors": (torch.zeros(5000), changed(torch.zeros(5000), 2500, 1)),
    "half tensors": (torch.zeros(3, dtype=torch.bfloat16), torch.ones(3, dtype=torch.bfloat16)),
    "modules": (linear(1), linear(2)),
    "training mode": (linear(1), linear(1).eval()),
    "lists": ([1, [2]], [1, [3]]),
    "dicts": ({"a": BIG}, {"a": changed(BIG, 7, 1)}),
    "sets": ({1, 2}, {1, 3}),
    "enums": (Side.LEFT, Side.RIGHT),
    "paths": (Path("a"), Path("b")),
    "attributes": (Plain(1), Plain(2)),
    "partial": (functools.partial(max, 1), functools.partial(max, 2)),
    "generators of numbers": (np.random.default_rng(1), np.random.default_rng(2)),
    "bodies": (loose("def f(x): return x + 1"), loose("def f(x): return x + 2")),
    "operators": (loose("def f(x): return x + 1"), loose("def f(x): return x - 1")),
    "names": (loose("import math\ndef f(x): return math.sin(x)"), loose("import math\ndef f(x): return math.cos(x)")),
    "defaults": (loose("def f(x, a=1): return x"), loose("def f(x, a=2): return x")),
    "keyword defaults": (loose("def f(x, *, a=1): return x"), loose("def f(x, *, a=2): return x")),
    "globals": (loose("a = 1\ndef f(x): return a"), loose("a = 2\ndef f(x): return a")),
    "inner functions": (
        loose("def f(x):\n def g(): return 1\n return g"),
        loose("def f(x):\n def g(): return 2\n return g"),
    ),
    "methods": (
        loose("class f:\n def g(self): return 1"),
        loose("class f:\n def g(self): return 2"),
    ),
    "inherited methods": (
        loose("class A:\n def g(self): return 1\nclass f(A): pass"),
        loose("class A:\n def g(self): return 2\nclass f(A): pass"),
    ),
    "properties": (
        loose("class f:\n @property\n def g(self): return 1"),
        loose("class f:\n @property\n def g(self): return 2"),
    ),
    "class attributes": (loose("class f:\n a = 1"), loose("class f:\n a = 2")),
    "wrapped": (
        loose("import functools\n@functools.lru_cache\ndef f(x): return 1"),
        loose("import functools\n@functools.lru_cache\ndef f(x): return 2"),
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_values(name: str) -> None:
    first, second = map(identity, DIFFERENT[name])
    assert first != second
    assert first == identity(DIFFERENT[name][0])
    json.dumps([first, second])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (BIG, BIG.copy()),
        (BIG.reshape(50, 100), np.asfortranarray(BIG.reshape(50, 100))),
        (linear(1), linear(1)),
        ({"b", "a", "c"}, {"c", "b", "a"}),
        (loose("def f(x): return x"), loose("# comment\n\ndef f(x):\n    return x")),
        (loose("a = 1\nb = 1\ndef f(x): return a"), loose("a = 1\nb = 2\ndef f(x): return a")),
    ],
    ids=["arrays", "memory order", "modules", "sets", "layout", "globals that are not used"],
)
def test_equal_values(first: object, second: object) -> None:
    assert identity(first) == identity(second)


def test_cycles() -> None:
    assert identity(loose("def f(x): return f(x)")) == identity(loose("def f(x): return f(x)"))
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(UnkeyableError, match="^a list is nested too deeply, or contains itself$"):
        identity(endless)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: sys.__stdout__, "the content of a TextIOWrapper cannot be determined"),
        (lambda: (i for i in "ab"), "the content of a generator cannot be determined"),
        (lambda: torch.zeros(2, device="meta"), "the content of a tensor on meta cannot be determined"),
    ],
)
def test_what_has_no_identity(make: Any, what: str) -> None:
    with pytest.raises(UnkeyableError, match=f"^{what}$"):
        identity({"a": [make()]})


def test_it_is_the_same_in_every_process() -> None:
    code = """
import json, torch
from noisereel.contracts.identity import identity
from noisereel_builtins.schedules import Cosine
def model(x, level): return x if level in {"a", "b", "c", "d"} else torch.zeros(3)
print(json.dumps(identity([model, Cosine(steps=3), {"x", "y", "z"}])))
"""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_files_count_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "scaling.py").write_text("A = 1\nclass Scale:\n    def g(self): return A\n")
    module = importlib.import_module("scaling")
    before = identity(module.Scale)
    (tmp_path / "scaling.py").write_text("A = 234\nclass Scale:\n    def g(self): return A\n")
    assert identity(module.Scale) != before  # as after %autoreload, which keeps the class
