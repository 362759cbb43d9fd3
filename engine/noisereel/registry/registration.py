"""Registration: plugins by name, checked when registered and imported when first used."""

from __future__ import annotations

import importlib.util
import re
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..contracts.plugin import Plugin

__all__ = ["Entry", "collect", "collect_folder", "imported", "load_file"]

EventPattern = tuple[int | None, ...]
"""An event shape in which None stands for any size."""

_KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Entry:
    """A registered plugin.

    Attributes:
        target: A class, or ``package.module:Class`` to import it from.
        package: The package that registered it.
        default_for: Event shapes that a renderer shows by default.
    """

    target: type[Plugin] | str
    package: str
    default_for: tuple[EventPattern, ...] = ()


def collect(
    entries: list[tuple[str, str, Entry]],
    package: str,
    kind: str,
    name: str,
    target: Any,
    *,
    default_for: Sequence[EventPattern] = (),
) -> None:
    """Record a plugin under a name; the implementation of a hook's ``register``.

    Raises:
        ValueError: The name, the target or ``default_for`` is not valid.
    """
    if not (isinstance(name, str) and _KEBAB.fullmatch(name)):
        raise ValueError(f"{kind} '{name}': names are kebab-case, such as 'swiss-roll'")
    if isinstance(target, str) and not re.fullmatch(r"[\w.]+:\w+", target):
        raise ValueError(f"{kind} '{name}': '{target}' is not of the form 'package.module:Class'")
    if default_for and kind != "renderer":
        raise ValueError(f"{kind} '{name}': only renderers can be the default for event shapes")
    entries.append((kind, name, Entry(target, package, tuple(map(tuple, default_for)))))


def collect_folder(entries: list[tuple[str, str, Entry]], package: str, folder: str | Path) -> None:
    """Record a folder of scenes; the implementation of ``register`` in `register_scenes`.

    Raises:
        ValueError: The folder does not exist.
    """
    if not Path(folder).is_dir():
        raise ValueError(f"scene folder '{folder}' does not exist")
    entries.append(("scenes", str(folder), Entry("", package)))


def load_file(path: Path) -> object:
    """Import a file as a module; its name includes a checksum of the path, since file names need not be unique."""
    name = f"{path.stem}_{zlib.crc32(str(path).encode()):08x}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError("not a Python file (.py)")
    module = importlib.util.module_from_spec(spec)
    # pydantic and dataclasses look up annotations in the class's module
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def imported(where: str) -> Any:
    """Import ``module:name`` and return the object."""
    module, _, name = where.partition(":")
    return getattr(import_module(module), name)
