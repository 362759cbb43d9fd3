"""Hooks: every extension point of noisereel. A plugin module implements any of them with ``@noisereel.hookimpl``.

Registration hooks are called once per plugin, at start-up. Names are kebab-case and unique per kind. A plugin is given
as a class or as a string ``"package.module:Class"``, which is imported only when something names it. Observers are
notified of events; their return values are ignored.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import click

    from ..contracts.state import State

__all__ = ["GROUP", "hookimpl", "hookspec"]

GROUP = "noisereel"
"""Name of the entry-point group, and of the pluggy project."""

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)
"""Decorator of the functions that register plugins or observe events."""

Register = Callable[[str, Any], None]
"""``register("swiss-roll", SwissRoll)`` or ``register("swiss-roll", "package.module:SwissRoll")``."""


@hookspec
def register_datasets(register: Register) -> None:
    """Register data sets (`Dataset`): sources of clean samples."""


@hookspec
def register_schedules(register: Register) -> None:
    """Register schedules (`Schedule`): signal and noise as functions of time."""


@hookspec
def register_spacings(register: Register) -> None:
    """Register spacings (`Spacing`): the times that a reverse process visits."""


@hookspec
def register_denoisers(register: Register) -> None:
    """Register denoisers (`Denoiser`): the clean data expected behind a noisy x_t."""


@hookspec
def register_samplers(register: Register) -> None:
    """Register samplers (`Sampler`): the times to visit, and the steps between them."""


@hookspec
def register_metrics(register: Register) -> None:
    """Register metrics (`Metric`): scalars measured on states."""


@hookspec
def register_renderers(register: Callable[..., None]) -> None:
    """Register renderers (`Renderer`): the layers of a panel.

    ``register("points", Points, default_for=[(2,)])`` also makes it the default layer for these event shapes, used by
    panels without layers; None matches any size, as in ``(None, None, 3)`` for RGB images.
    """


@hookspec
def register_writers(register: Register) -> None:
    """Register writers (`Writer`): file formats, each under its file suffix."""


@hookspec
def register_scenes(register: Callable[[str | Path], None]) -> None:
    """Register folders of scenes that can be named without a path: ``register(folder)``."""


@hookspec
def register_commands(cli: click.Group) -> None:
    """Add commands: ``@cli.command() …``. Called only by the command line."""


@hookspec
def run_started(run: Any, cached: bool) -> None:
    """Observe the start of a run; if ``cached``, its states are read from the cache."""


@hookspec
def timestep(run: Any, state: State) -> None:
    """Observe a visited state, which must not be changed. Not called for cached runs; gradients are off."""


@hookspec
def run_finished(run: Any, trajectory: Any) -> None:
    """Observe the end of a run, with everything that it visited."""


@hookspec
def film_finished(path: Path) -> None:
    """Observe a film whose file is complete and has its final name."""
