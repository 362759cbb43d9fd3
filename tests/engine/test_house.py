"""The structure of the code: small packages, small contexts, and drawing without torch.

The order of the packages is checked by import-linter (see pyproject.toml) in `make lint`.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

import noisereel
from noisereel.contracts.dataset import LoadContext
from noisereel.contracts.denoiser import DenoiserContext, TrainingContext
from noisereel.contracts.probe import MeasureContext
from noisereel.contracts.renderer import RenderContext
from noisereel.contracts.sampler import StepContext
from noisereel.registry import load_registry
from noisereel.simulation.simulate import SimulationContext

ROOT = Path(__file__).parents[2]
ENGINE, PLUGINS = ROOT / "engine" / "noisereel", ROOT / "plugins" / "noisereel_builtins"
SOURCES = sorted(path for folder in (ENGINE, PLUGINS) for path in folder.rglob("*.py"))


def visible(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith("__") and path.name != "py.typed"]


def test_the_engine_has_at_most_fourteen_parts() -> None:
    assert len(visible(ENGINE)) <= 14


@pytest.mark.parametrize("folder", sorted({path.parent for path in SOURCES}), ids=lambda path: path.name)
def test_no_folder_holds_more_than_twenty_files(folder: Path) -> None:
    assert sum(path.is_file() for path in visible(folder)) <= 20


def test_contexts_have_at_most_seven_fields() -> None:
    contexts = [LoadContext, DenoiserContext, TrainingContext, MeasureContext, RenderContext, SimulationContext]
    assert {context.__name__: len(fields(context)) for context in contexts if len(fields(context)) > 7} == {}
    assert len(StepContext._fields) <= 7


def test_drawing_and_writing_load_no_torch() -> None:
    modules = ["noisereel.layout", "noisereel.canvas.raster", "noisereel.canvas.vector", "noisereel.canvas.axes"]
    registry = load_registry()
    modules += [registry.get("writer", name).__module__ for name in registry.names("writer")]
    code = f"import sys; from importlib import import_module; [import_module(name) for name in {modules}]\n"
    code += "print(sorted(name for name in sys.modules if name.partition('.')[0] == 'torch'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_importing_the_package_loads_neither_torch_nor_its_own_modules() -> None:
    code = "import sys, noisereel; print(sorted(n for n in sys.modules if n.startswith(('torch', 'noisereel.'))))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_public_name_exists() -> None:
    assert [name for name in noisereel.__all__ if not hasattr(noisereel, name)] == []


def _docstrings() -> Iterator[tuple[str, str]]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and (text := ast.get_docstring(node)):
                is_property = any("property" in ast.unparse(decorator) for decorator in node.decorator_list)
                yield f"{path.relative_to(ROOT)}:{node.lineno}", "" if is_property else text


def test_docstrings_of_functions_do_not_start_with_a_question_word() -> None:
    """PEP 257 asks for an imperative verb instead."""
    questions = ("What ", "How ", "Where ", "Whether ", "Why ", "Which ")
    assert [place for place, text in _docstrings() if text.startswith(questions)] == []
