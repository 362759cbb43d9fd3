"""The plugins that noisereel brings along, registered exactly as a third party's would be.

Classes are given by where they stand, so that none is imported before a scene names it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from noisereel.hookspecs import hookimpl

__all__: list[str] = []

DATASETS = {
    "datasaurus": "noisereel_builtins.datasets.datasaurus:Datasaurus",
    "image": "noisereel_builtins.datasets.image:Image",
    "mandrill": "noisereel_builtins.datasets.mandrill:Mandrill",
    "mixture": "noisereel_builtins.datasets.mixture:Mixture",
    "s-curve": "noisereel_builtins.datasets.s_curve:SCurve",
    "swiss-roll": "noisereel_builtins.datasets.swiss_roll:SwissRoll",
}
SCHEDULES = {
    "betas": "noisereel_builtins.schedules.betas:Betas",
    "cosine": "noisereel_builtins.schedules.cosine:Cosine",
    "linear": "noisereel_builtins.schedules.linear:Linear",
    "quadratic": "noisereel_builtins.schedules.quadratic:Quadratic",
    "random-walk": "noisereel_builtins.schedules.random_walk:RandomWalk",
    "sigmoid": "noisereel_builtins.schedules.sigmoid:Sigmoid",
}
SPACINGS = {
    "leading": "noisereel_builtins.spacings.leading:Leading",
    "linspace": "noisereel_builtins.spacings.linspace:Linspace",
    "trailing": "noisereel_builtins.spacings.trailing:Trailing",
}
DENOISERS = {
    "empirical": "noisereel_builtins.denoisers.empirical:Empirical",
}
SAMPLERS = {
    "ddim": "noisereel_builtins.samplers.ddim:DDIM",
    "ddpm": "noisereel_builtins.samplers.ddpm:DDPM",
    "forward": "noisereel_builtins.samplers.forward:Forward",
    "forward-jump": "noisereel_builtins.samplers.forward_jump:ForwardJump",
}
METRICS = {
    "entropy": "noisereel_builtins.metrics.entropy:Entropy",
    "kl": "noisereel_builtins.metrics.kl:KL",
    "mean": "noisereel_builtins.metrics.mean:Mean",
    "std": "noisereel_builtins.metrics.std:Std",
}
RENDERERS = {
    "curve": "noisereel_builtins.renderers.curve:Curve",
    "density": "noisereel_builtins.renderers.density:Density",
    "field": "noisereel_builtins.renderers.field:Field",
    "image": "noisereel_builtins.renderers.image:Image",
    "points": "noisereel_builtins.renderers.points:Points",
    "trails": "noisereel_builtins.renderers.trails:Trails",
}
WRITERS = {
    "gif": "noisereel_builtins.writers.gif:Gif",
    "mp4": "noisereel_builtins.writers.mp4:Mp4",
    "png": "noisereel_builtins.writers.png:Png",
    "svg": "noisereel_builtins.writers.svg:Svg",
}

Register = Callable[[str, str], None]


def _all(register: Register, table: dict[str, str]) -> None:
    for name, where in table.items():
        register(name, where)


@hookimpl
def register_datasets(register: Register) -> None:
    _all(register, DATASETS)


@hookimpl
def register_schedules(register: Register) -> None:
    _all(register, SCHEDULES)


@hookimpl
def register_spacings(register: Register) -> None:
    _all(register, SPACINGS)


@hookimpl
def register_denoisers(register: Register) -> None:
    _all(register, DENOISERS)


@hookimpl
def register_samplers(register: Register) -> None:
    _all(register, SAMPLERS)


@hookimpl
def register_metrics(register: Register) -> None:
    _all(register, METRICS)


@hookimpl
def register_renderers(register: Register) -> None:
    _all(register, RENDERERS)


@hookimpl
def register_writers(register: Register) -> None:
    _all(register, WRITERS)


@hookimpl
def register_scenes(register: Callable[[Path], None]) -> None:
    register(_gallery())


def _gallery() -> Path:
    """The scenes: inside the package in a wheel, at the project's root in a checkout."""
    package = Path(__file__).parent
    inside = package / "scenes"
    return inside if inside.is_dir() else package.parents[1] / "scenes"
