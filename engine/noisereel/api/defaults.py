"""Defaults and checks of the keywords that the functions share."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..registry import Registry, load_registry
from ..scene import SceneSpec
from ..scene.nodes import describe_object
from ..support.errors import UsageError
from ..support.folders import cache_folder
from ..support.progress import Progress, PythonWarnings

__all__ = ["Cache", "PathLike", "cache_at", "checked_path", "checked_scene", "plugins", "progress_of", "whole_number"]

PathLike = str | os.PathLike[str]

Cache = PathLike | bool
"""A folder to keep runs and weights in; True for the command line's, False for none."""


def cache_at(cache: Cache) -> Path | None:
    """Return the folder of the cache; None disables it.

    Raises:
        UsageError: It is neither a path nor True or False.
    """
    if isinstance(cache, bool):
        return cache_folder() if cache else None
    return checked_path(cache, "cache must be a folder, True or False")


def checked_path(path: object, message: str) -> Path:
    """Return a path, with ``~`` expanded.

    Raises:
        UsageError: It is no path; the message ends with what was given.
    """
    if not isinstance(path, (str, os.PathLike)) or not str(path):
        raise UsageError(f"{message}, got {describe_object(path) if path != '' else 'nothing'}")
    return Path(path).expanduser()


def whole_number(value: object, name: str, least: int, most: int) -> int:
    """Return a whole number within limits.

    Raises:
        UsageError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not least <= value <= most:
        raise UsageError(f"{name} must be a whole number from {least:,} to {most:,}, got {value!r:.60}")
    return int(value)


def progress_of(progress: Progress | bool) -> Progress:
    """Return what shows progress and warnings: of True, bars on stderr; of False, Python's warnings alone.

    Raises:
        UsageError: It is neither.
    """
    if isinstance(progress, Progress):
        return progress
    if not isinstance(progress, bool):
        raise UsageError(f"progress must be True, False or a Progress, got {describe_object(progress)}")
    return Progress() if progress else PythonWarnings()


def plugins(registry: Registry | None) -> Registry:
    """Return a registry; of None, that of the installed packages, after warning of plugins that cannot be loaded.

    Raises:
        UsageError: It is no registry.
    """
    if isinstance(registry, Registry):
        return registry
    if registry is not None:
        raise UsageError(f"registry must be a Registry, as load_registry gives, got {describe_object(registry)}")
    found = load_registry()
    for warning in found.warnings:
        PythonWarnings().warn(warning)
    return found


def checked_scene(scene: object, registry: Registry | None = None) -> tuple[SceneSpec, Registry]:
    """Return a scene and the registry to use with it: its own if None.

    Raises:
        UsageError: It is no scene, or that is no registry.
    """
    if not isinstance(scene, SceneSpec):
        given = f"text '{scene:.60}'" if isinstance(scene, str) else describe_object(scene)
        raise UsageError(f"needs a Scene, got {given}; noisereel.load(…) makes one of a file, a mapping or text")
    return scene, scene.document.registry if registry is None else plugins(registry)
