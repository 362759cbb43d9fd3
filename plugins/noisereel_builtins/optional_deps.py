"""Optional dependencies: packages that only some plugins use."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

__all__ = ["need"]


def need(module: str, who: str, install: str) -> ModuleType:
    """Import a module of a package that may be missing.

    Args:
        module: Its full name.
        who: Name of the plugin that needs it, as in a scene.
        install: Requirement to pass to pip.

    Raises:
        ValueError: The package is not installed; the message says how to install it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != module.partition(".")[0]:
            raise
        raise ValueError(f'{who} needs a package that is not installed: pip install "{install}"') from None
