"""Lint: settings of a scene that are allowed but probably mistakes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..contracts.calls import strings
from ..contracts.plugin import plugins_in
from ..contracts.schedule import signal_warning
from ..support.markup import doubtful_formula, plain

if TYPE_CHECKING:
    from ..scene import SceneSpec
    from ..support.errors import Problem
    from .plan import RunPlan

__all__ = ["lint"]

_PARTS = ("dataset", "schedule", "denoiser", "sampler", "metrics")
_LONG_HOLD = 60
"""Seconds from which on a hold is probably meant in milliseconds."""

_PANEL_TEXTS = ("title", "caption", "x_label", "y_label")


def lint(scene: SceneSpec, plans: Mapping[str, RunPlan]) -> tuple[Problem, ...]:
    """Return the warnings of a scene's plugins, each once, with its place in the file."""
    warnings = [
        scene.document.problem(f"{owner}.{key}", warning)
        for owner, key, value in _values(scene)
        for plugin in plugins_in(value)
        for warning in strings(plugin, "lint")
    ]
    doubtful = [
        scene.document.problem(path, warning)
        for path, text in _texts(scene)
        for warning in (doubtful_formula(text), _missing_letters(text, scene.theme.font))
        if warning
    ]
    return tuple(dict.fromkeys([*warnings, *_too_much_signal(scene, plans), *doubtful, *_long_holds(scene)]))


def _too_much_signal(scene: SceneSpec, plans: Mapping[str, RunPlan]) -> Iterator[Problem]:
    """Warn of runs from the prior on a schedule that does not end in noise: their samples are off."""
    for name, run in scene.runs.items():
        warning = signal_warning(run.schedule)
        if warning and run.start in (None, "prior") and plans[name].levels[0].t > 0:
            yield scene.document.problem(f"runs.{name}.schedule", warning)


def _long_holds(scene: SceneSpec) -> Iterator[Problem]:
    """Warn of holds that were probably meant in milliseconds."""
    longest = max(scene.film.hold)
    if longest >= _LONG_HOLD:
        message = f"{longest:g} seconds is a long hold; for {longest:g} milliseconds, write {longest / 1000:g}"
        yield scene.document.problem("film.hold", message)


def _missing_letters(text: str, family: str) -> str | None:
    if text.isascii():
        return None
    from ..support.fonts import missing_letters  # imports matplotlib, which most scenes do not need

    return missing_letters(text, family)


def _texts(scene: SceneSpec) -> Iterator[tuple[str, str]]:
    """Yield the text over the film and around panels, and names of runs, as (path, text)."""
    yield from ((f"runs.{name}", plain(name)) for name in scene.runs)
    yield from ((key, getattr(scene, key) or "") for key in ("title", "subtitle", "caption"))
    for i, panel in enumerate(scene.panels):
        yield from ((f"panels.{i}.{key}", getattr(panel, key) or "") for key in _PANEL_TEXTS)


def _values(scene: SceneSpec) -> Iterator[tuple[str, str, Any]]:
    """Yield everything in a scene that may hold plugins, as (owner, key, value)."""
    for name, run in scene.runs.items():
        yield from ((f"runs.{name}", key, getattr(run, key)) for key in _PARTS)
    for i, panel in enumerate(scene.panels):
        yield from ((f"panels.{i}.layers", str(j), layer) for j, layer in enumerate(panel.layers))
