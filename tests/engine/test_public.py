"""The public package: everything a plugin needs, and nothing loaded before it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import noisereel

NAMES = [name for name in noisereel.__all__ if name != "__version__"]


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_one_that_its_module_makes_public(name: str) -> None:
    home = import_module(f"noisereel.{noisereel._HOME[name]}")
    assert name in home.__all__
    assert getattr(noisereel, name) is getattr(home, name)


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(noisereel.__file__).read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 1]
    assert {alias.asname: node.module for node in imports for alias in node.names} == noisereel._HOME


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="^module 'noisereel' has no attribute 'Splines'$"):
        noisereel.Splines  # noqa: B018


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, noisereel; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "matplotlib", "pydantic", "av"} & set(done.stdout.split())
