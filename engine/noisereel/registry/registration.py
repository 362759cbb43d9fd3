"""What is registered under a name: checked when it is registered, imported when it is asked for."""

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
    """What was registered under a name.

    Attributes:
        target: A class, or where to import it from.
        package: By which package.
        default_for: Event shapes that a renderer shows by default.
    """

    target: type[Plugin] | str
    package: str
    default_for: tuple[EventPattern, ...] = ()


def collect(
    found: list[tuple[str, str, Entry]],
    package: str,
    kind: str,
    name: str,
    target: Any,
    *,
    default_for: Sequence[EventPattern] = (),
) -> None:
    """What a hook's ``register`` does: note a plugin under a name.

    Raises:
        ValueError: That is no name, or what is registered under it no place to import a class from.
    """
    if not _KEBAB.fullmatch(name):
        raise ValueError(f"{kind} '{name}': names are kebab-case, such as 'swiss-roll'")
    if isinstance(target, str) and not re.fullmatch(r"[\w.]+:\w+", target):
        raise ValueError(f"{kind} '{name}': '{target}' is not of the form 'package.module:Class'")
    if default_for and kind != "renderer":
        raise ValueError(f"{kind} '{name}': only renderers can be the default for event shapes")
    found.append((kind, name, Entry(target, package, tuple(map(tuple, default_for)))))


def collect_folder(found: list[tuple[str, str, Entry]], package: str, folder: str | Path) -> None:
    """The same for a folder of scenes.

    Raises:
        ValueError: There is none.
    """
    if not Path(folder).is_dir():
        raise ValueError(f"no folder '{folder}' of scenes")
    found.append(("scenes", str(folder), Entry("", package)))


def load_file(path: Path) -> object:
    """Import a file as a module of its own; the module's name is the file's with a mark that tells folders apart."""
    name = f"{path.stem}_{zlib.crc32(str(path).encode()):08x}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError("not a Python file (.py)")
    module = importlib.util.module_from_spec(spec)
    # pydantic and dataclasses look annotations up in the module that a class names as its own
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def imported(where: str) -> Any:
    """What ``module:name`` names, imported now if it was not yet."""
    module, _, name = where.partition(":")
    return getattr(import_module(module), name)
