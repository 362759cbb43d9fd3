"""Every extension point of noisereel. A plugin module implements any of them with ``@noisereel.hookimpl``.

Registration hooks are called once, at start-up, plugin by plugin. Names are kebab-case and unique per kind. A plugin
class may be given itself or as a string ``"package.module:Class"``, which is imported only when something names it.
Observers are told what happens; what they return is ignored.
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

Register = Callable[[str, Any], None]
"""``register("swiss-roll", SwissRoll)`` or ``register("swiss-roll", "package.module:SwissRoll")``."""


@hookspec
def register_datasets(register: Register) -> None:
    """Data sets (`Dataset`): where clean samples come from."""


@hookspec
def register_schedules(register: Register) -> None:
    """Schedules (`Schedule`): how signal and noise change with time."""


@hookspec
def register_spacings(register: Register) -> None:
    """Spacings (`Spacing`): which times a reverse process visits."""


@hookspec
def register_denoisers(register: Register) -> None:
    """Denoisers (`Denoiser`): the clean data expected behind a noisy x_t."""


@hookspec
def register_samplers(register: Register) -> None:
    """Samplers (`Sampler`): how one step is taken, and where to."""


@hookspec
def register_metrics(register: Register) -> None:
    """Metrics (`Metric`): scalars measured on states."""


@hookspec
def register_renderers(register: Callable[..., None]) -> None:
    """Renderers (`Renderer`): the layers of a panel.

    ``register("points", Points, default_for=[(2,)])`` also makes it the layer of panels that name none, for these event
    shapes; None stands for any size, as in ``(None, None, 3)`` for RGB images.
    """


@hookspec
def register_writers(register: Register) -> None:
    """Writers (`Writer`): file formats, each under the suffix that it serves."""


@hookspec
def register_scenes(register: Callable[[str | Path], None]) -> None:
    """Folders of scene files that can be named without a path: ``register(folder)``."""


@hookspec
def register_commands(cli: click.Group) -> None:
    """Commands of one's own: ``@cli.command() …``. Called only by the command line."""


@hookspec
def run_started(run: Any, cached: bool) -> None:
    """A run begins; ``cached`` says that its states are read back instead of simulated."""


@hookspec
def timestep(run: Any, state: State) -> None:
    """A state was visited. Not called for cached runs; the state must not be changed; gradients are off."""


@hookspec
def run_finished(run: Any, trajectory: Any) -> None:
    """A run has ended, and this is what it visited."""


@hookspec
def film_finished(path: Path) -> None:
    """A file is complete and stands under its final name."""
