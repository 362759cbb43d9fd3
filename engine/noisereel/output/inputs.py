"""Inputs: the files that a scene reads, which no output may replace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contracts.calls import inputs_of
from ..contracts.plugin import plugins_in
from ..support.errors import UsageError
from ..support.files import is_file, is_folder

if TYPE_CHECKING:
    from ..registry import Registry
    from ..scene import SceneSpec

__all__ = ["refuse_inputs"]


def refuse_inputs(outputs: Iterable[Path], scene: SceneSpec, registry: Registry) -> None:
    """Refuse to write to files that the scene reads, by whatever name or link.

    Raises:
        UsageError: An output is one of them.
    """
    existing = [path for path in dict.fromkeys(outputs) if is_file(path)]
    for source in dict.fromkeys(_inputs(scene, registry)) if existing else ():
        for path in existing:
            if _is_same(path, source) or (is_folder(source) and _is_same(path.resolve().parent, source)):
                raise UsageError(f"{path}: is read by the scene; write to another file")


def _is_same(path: Path, other: Path) -> bool:
    with suppress(OSError, ValueError):
        return path.samefile(other)
    return False


def _inputs(scene: SceneSpec, registry: Registry) -> Iterator[Path]:
    """Yield the scene's file, its theme, the plugin files, and whatever its plugins read; some may not exist."""
    document = scene.document
    yield Path(document.name)
    yield from (Path(scene.film.theme), document.folder / scene.film.theme)
    yield from registry.files
    runs = [(run.dataset, run.schedule, run.denoiser, *run.sampler, *run.metrics) for run in scene.runs.values()]
    parts = [*runs, *(panel.layers for panel in scene.panels)]
    for plugin in plugins_in(parts):
        yield from inputs_of(plugin, document.folder)
        for name in type(plugin).model_fields:
            yield from (document.folder / path.expanduser() for path in _paths(getattr(plugin, name)))


def _paths(value: Any) -> Iterator[Path]:
    if isinstance(value, Path):
        yield value
    if isinstance(value, (tuple, list)):
        for item in value:
            yield from _paths(item)
