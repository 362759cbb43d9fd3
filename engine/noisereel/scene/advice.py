"""What a scene says that is allowed, but likely not meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..plugin import plugins_in
from ..run import plan
from ..schedule import signal_warning

if TYPE_CHECKING:
    from ..errors import Problem
    from .specs import Scene

__all__ = ["advice"]

_PARTS = ("dataset", "schedule", "denoiser", "sampler", "metrics")


def advice(scene: Scene) -> tuple[Problem, ...]:
    """What the plugins of a scene advise, each with its place in the file, and each once."""
    found = [
        scene.source.problem(f"{owner}.{key}", said)
        for owner, key, value in _values(scene)
        for plugin in plugins_in(value)
        for said in plugin.advice()
    ]
    return tuple(dict.fromkeys([*found, *_starts_from_too_little(scene)]))


def _starts_from_too_little(scene: Scene) -> Iterator[Problem]:
    """Runs from the prior on a schedule that does not end in noise: their samples are off."""
    for name, run in scene.runs.items():
        said = signal_warning(run.schedule)
        if said and run.start in (None, "prior") and plan(run, scene.source).levels[0].t > 0:
            yield scene.source.problem(f"runs.{name}.schedule", said)


def _values(scene: Scene) -> Iterator[tuple[str, str, Any]]:
    """Everything of a scene that may hold plugins: whose it is, its key, and itself."""
    for name, run in scene.runs.items():
        yield from ((f"runs.{name}", key, getattr(run, key)) for key in _PARTS)
    for i, panel in enumerate(scene.panels):
        yield from ((f"panels.{i}.layers", str(j), layer) for j, layer in enumerate(panel.layers))
