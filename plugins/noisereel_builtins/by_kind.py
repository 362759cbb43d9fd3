"""Built-in classes by kind: ``from noisereel_builtins.samplers import DDIM`` imports the module of that class alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from noisereel.support.errors import suggest

__all__ = ["by_kind"]


def by_kind(package: str, table: Mapping[str, str]) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__all__``, ``__getattr__`` and ``__dir__`` of the package of one kind (PEP 562).

    Args:
        package: Name of the package.
        table: Its classes as they are registered: ``"package.module:Class"`` by plugin name.
    """
    modules = {name: module for module, _, name in (target.partition(":") for target in table.values())}
    names = sorted(modules)

    def load(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module '{package}' has no attribute '{name}'; {suggest(name, names)}")
        cls = getattr(import_module(modules[name]), name)
        setattr(sys.modules[package], name, cls)  # found without this function from now on
        return cls

    return names, load, names.copy
