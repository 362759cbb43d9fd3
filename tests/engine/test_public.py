"""The public package: everything a plugin needs, and nothing loaded before it is needed."""

from __future__ import annotations

import ast
import runpy
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import noisereel

ROOT = Path(__file__).parents[2]
BUILTINS, EXAMPLE = ROOT / "plugins" / "noisereel_builtins", ROOT / "tests" / "example_package"
PUBLIC: tuple[str, ...] = runpy.run_path(str(ROOT / "docs" / "make_reference.py"))["PUBLIC"]
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


def test_the_package_has_at_most_sixty_names() -> None:
    assert len(noisereel.__all__) <= 60


@pytest.mark.parametrize("module", PUBLIC)
def test_public_modules_list_names_that_exist(module: str) -> None:
    home = import_module(module)
    assert [name for name in home.__all__ if not hasattr(home, name)] == []


def test_every_module_of_contracts_is_public() -> None:
    modules = {f"noisereel.contracts.{path.stem}" for path in (ROOT / "engine/noisereel/contracts").glob("[!_]*.py")}
    assert modules
    assert sorted(modules - {*PUBLIC}) == []


@pytest.mark.parametrize("folder", [BUILTINS, EXAMPLE], ids=lambda folder: folder.name)
def test_plugins_use_only_public_names_of_the_engine(folder: Path) -> None:
    used = [(str(path), module, name) for path in folder.rglob("*.py") for module, name in names_used(path.read_text())]
    assert used
    assert [use for use in used if not is_public(*use[1:])] == []


@pytest.mark.parametrize(
    ("code", "public"),
    [
        ("from noisereel import Data", True),
        ("from noisereel import Splines", False),
        ("from noisereel.contracts.dataset import Dataset", True),
        ("from noisereel.contracts.dataset import Plugin", False),
        ("from noisereel.support.noise import Noise", False),
        ("from noisereel.support import noise", False),
        ("from noisereel.contracts import marks\nmarks.Points", True),
        ("from noisereel.contracts import marks as m\nm.Plugin", False),
        ("import noisereel.simulation.run", False),
        ("import noisereel as nr\nnr.Data", True),
        ("import noisereel as nr\nnr.simulation", False),
    ],
)
def test_names_that_are_not_public_are_found(code: str, public: bool) -> None:
    assert all(is_public(*use) for use in names_used(code)) == public


def test_builtins_use_no_private_attribute_of_the_engine() -> None:
    trees = [ast.parse(path.read_text()) for path in BUILTINS.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    used = {node.attr for node in nodes if isinstance(node, ast.Attribute) and is_private(node.attr)}
    stored = {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    fields = {node.target.id for node in nodes if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)}
    assert used - stored - defined - fields <= {"_replace"}  # of named tuples


def names_used(code: str) -> Iterator[tuple[str, str]]:
    """Yield the names that code imports from the engine or reads from its modules, each with its module."""
    tree = ast.parse(code)
    modules = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "noisereel":
                    parent, _, name = alias.name.rpartition(".")
                    yield (parent, name) if parent else (name, "__all__")
                    modules[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").split(".")[0] == "noisereel":
            for alias in node.names:
                yield str(node.module), alias.name
                if (module := f"{node.module}.{alias.name}") in PUBLIC:
                    modules[alias.asname or alias.name] = module
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (module := modules.get(ast.unparse(node.value), "")):
            yield module, node.attr


def is_public(module: str, name: str) -> bool:
    if f"{module}.{name}" in PUBLIC:
        return True
    return module in PUBLIC and (name in import_module(module).__all__ or name == "__all__")


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")
