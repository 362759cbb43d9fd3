"""Scenes in Python: loaded from files, or made of values and plugins."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from inspect import Parameter, Signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ..output.render import plan_render
from ..registry import Registry
from ..scene import SCENE_KEYS, Given, Override, SceneSpec, changed, load_scene, parse_scene, scene_from
from ..scene.nodes import describe_object
from ..simulation.lint import lint
from ..simulation.plan import plan_runs
from ..support.errors import Problem, UsageError
from .defaults import checked_scene, plugins
from .rendering import Written, render
from .simulation import RunResult, simulate

if TYPE_CHECKING:
    from .defaults import PathLike

__all__ = ["Scene", "load", "validate"]

_NAME = "scene"  # in errors of scenes that are not in a file


class Scene(SceneSpec):
    """A scene: runs of diffusion processes, and panels that show them.

    The keywords are the keys of a scene file. Where a file names a plugin, a scene in Python also takes an instance of
    any plugin class, registered or not; for a data set an array (NumPy or torch) of shape (n, D), (n, H, W) or
    (n, H, W, 3), or `Data`; for a denoiser a function ``(x, level) -> x0_hat`` or ``(x, level, labels) -> x0_hat``.

    Args:
        registry: Registry of plugins; the registry of installed packages if None.
        keys: The scene's values by key, such as ``dataset=``, ``schedule=``, ``sampler=``, ``runs=``, ``panels=`` and
            ``film=``.

    Raises:
        SceneError: The scene is wrong; the error holds every problem found.
    """

    def __init__(self, *, registry: Registry | None = None, **keys: Any) -> None:
        super().__init__(**dict(scene_from(keys, _NAME, Path(), plugins(registry))))

    def simulate(self, **options: Any) -> dict[str, RunResult]:
        """Simulate every run of the scene; see `noisereel.simulate`."""
        return simulate(self, **options)

    def render(self, *outputs: PathLike, **options: Any) -> Written:
        """Render the scene as films; see `noisereel.render`."""
        return render(self, *outputs, **options)

    def __repr__(self) -> str:
        panels = "1 panel" if len(self.panels) == 1 else f"{len(self.panels)} panels"
        return f"Scene(runs: {', '.join(self.runs)}; {panels}, {self.film.frames} frames)"

    __str__ = __repr__

    def __deepcopy__(self, memo: object = None) -> Self:
        """Return a copy that shares all parts, which cannot be changed."""
        return self.__copy__()


# What completion and help show; pydantic would list the fields of the finished scene.
Scene.__signature__ = Signature(
    [Parameter(key, Parameter.KEYWORD_ONLY, default=None, annotation=Any) for key in (*SCENE_KEYS, "registry")]
)


def load(
    scene: PathLike | Mapping[str, Any] | SceneSpec,
    overrides: Mapping[str, Any] | Sequence[Override] | None = None,
    *,
    registry: Registry | None = None,
) -> Scene:
    """Load a scene.

    Args:
        scene: Path of a scene file, a name from the gallery, the text of a scene (which has several lines), or a
            mapping of a scene's keys, whose values may be Python objects as for `Scene`; or a scene to change.
        overrides: Values to change in it, by path: ``{"film.frames": 50}``. Paths are those of ``--set``.
        registry: Registry of plugins; the registry of installed packages if None. A scene keeps its own.

    Raises:
        UsageError: There is no such scene.
        SceneError: The scene is wrong; the error holds every problem found.
    """
    changes = _overrides(overrides)
    if isinstance(scene, SceneSpec):
        return Scene.model_construct(**dict(changed(scene, changes)))
    registry = plugins(registry)
    if isinstance(scene, Mapping):
        spec = scene_from(scene, _NAME, Path(), registry, changes)
    elif isinstance(scene, str) and "\n" in scene:
        spec = parse_scene(scene, _NAME, Path(), registry, changes)
    elif isinstance(scene, (str, os.PathLike)) and str(scene).strip():
        spec = load_scene(Path(scene).expanduser(), registry, changes)
    else:
        given = "nothing" if scene in ("", None) else describe_object(scene)
        raise UsageError(f"load takes a file, a name from the gallery, a mapping, or lines of text; got {given}")
    return Scene.model_construct(**dict(spec))


def _overrides(overrides: Mapping[str, Any] | Sequence[Override] | None) -> list[Override]:
    if overrides is None:
        return []
    if isinstance(overrides, Mapping):
        return [Override("overrides", str(path), Given(value)) for path, value in overrides.items()]
    if not isinstance(overrides, (list, tuple)) or not all(isinstance(change, Override) for change in overrides):
        raise UsageError('overrides: write them as a mapping from paths to values, such as {"film.frames": 50}')
    return list(overrides)


def validate(scene: SceneSpec, *, registry: Registry | None = None) -> tuple[Problem, ...]:
    """Check everything about a scene that can be checked without simulating, and return its warnings.

    Args:
        scene: The scene.
        registry: Registry of plugins; the scene's own if None.

    Raises:
        NoisereelError: Something is wrong; the message gives the place.
    """
    scene, registry = checked_scene(scene, registry)
    plans = plan_runs(scene)
    plan = plan_render(scene, plans, (), registry)
    return (*lint(scene, plans), *plan.warnings)
