"""Built-ins imported by kind: the registered classes, each loaded only when it is used."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import noisereel_builtins
from noisereel.registry import KINDS, Registry

REGISTRY = Registry.from_plugins({"noisereel": noisereel_builtins}, strict=True)


def package(kind: str) -> str:
    return f"noisereel_builtins.{kind}s"


def loaded_after(code: str, prefix: str) -> list[str]:
    """Return the modules whose names start with a prefix, after running code in a new process."""
    code += f"\nimport sys; print(*sorted(name for name in sys.modules if name.startswith({prefix!r})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in KINDS for name in REGISTRY.names(kind)])
def test_every_registered_class_can_be_imported_by_kind(kind: str, name: str) -> None:
    cls = REGISTRY.get(kind, name)
    scope: dict[str, object] = {}
    exec(f"from {package(kind)} import {cls.__name__}", scope)
    assert scope[cls.__name__] is cls


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_lists_its_registered_classes_and_nothing_else(kind: str) -> None:
    module = import_module(package(kind))
    assert module.__all__ == sorted({REGISTRY.get(kind, name).__name__ for name in REGISTRY.names(kind)})
    assert dir(module) == module.__all__


@pytest.mark.parametrize("kind", KINDS)
def test_importing_a_package_loads_no_plugin(kind: str) -> None:
    assert loaded_after(f"import {package(kind)}", package(kind)) == [package(kind)]
    assert loaded_after(f"import {package(kind)}", "torch") == []


def test_importing_a_class_loads_no_other() -> None:
    code = "from noisereel_builtins.samplers import Euler"
    solvers = loaded_after(code, "noisereel_builtins.samplers.ode.")
    assert "noisereel_builtins.samplers.ode.euler" in solvers
    assert "noisereel_builtins.samplers.ode.heun" not in solvers


def test_submodules_can_still_be_imported() -> None:
    from noisereel_builtins.samplers import DDIM, ancestral
    from noisereel_builtins.samplers.ancestral import ddim

    assert ancestral.__name__ == "noisereel_builtins.samplers.ancestral"
    assert ddim.DDIM is DDIM


def test_a_wrong_name_suggests_the_nearest() -> None:
    datasets = import_module("noisereel_builtins.datasets")
    message = "^module 'noisereel_builtins.datasets' has no attribute 'SwisRoll'; did you mean 'SwissRoll'\\?$"
    with pytest.raises(AttributeError, match=message):
        datasets.SwisRoll  # noqa: B018
    with pytest.raises(ImportError, match="^cannot import name 'SwisRoll' from 'noisereel_builtins.datasets' "):
        from noisereel_builtins.datasets import SwisRoll  # noqa: F401
