"""Defaults and checks of the keywords that the functions share."""

from __future__ import annotations

import os
from pathlib import Path

from ..registry import Registry, load_registry
from ..scene import SceneSpec
from ..scene.nodes import describe_object
from ..support.errors import UsageError
from ..support.folders import cache_folder
from ..support.progress import Progress, PythonWarnings

__all__ = ["Cache", "PathLike", "cache_at", "checked_scene", "plugins", "progress_of"]

PathLike = str | os.PathLike[str]

Cache = PathLike | bool
"""A folder to keep runs and weights in; True for the command line's, False for none."""


def cache_at(cache: Cache) -> Path | None:
    """Return the folder of the cache; None disables it."""
    if cache is True:
        return cache_folder()
    return Path(cache) if cache else None


def progress_of(progress: Progress | bool) -> Progress:
    """Return what shows progress and warnings: of True, bars on stderr; of False, Python's warnings alone."""
    if isinstance(progress, Progress):
        return progress
    return Progress() if progress else PythonWarnings()


def plugins(registry: Registry | None) -> Registry:
    """Return a registry; of None, that of the installed packages, after warning of plugins that cannot be loaded."""
    if registry is not None:
        return registry
    found = load_registry()
    for warning in found.warnings:
        PythonWarnings().warn(warning)
    return found


def checked_scene(scene: object) -> SceneSpec:
    """Return a scene.

    Raises:
        UsageError: It is none.
    """
    if not isinstance(scene, SceneSpec):
        given = f"text '{scene:.60}'" if isinstance(scene, str) else describe_object(scene)
        raise UsageError(f"needs a Scene, got {given}; noisereel.load(…) makes one of a file, a mapping or text")
    return scene
