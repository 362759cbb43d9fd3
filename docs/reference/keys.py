"""The page on all keys of a scene, from the models that validate it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from pydantic import BaseModel

from noisereel.cli.plugin_help import parameters
from noisereel.contracts.theme import ROLES, THEMES
from noisereel.registry.registry import KINDS
from noisereel.scene import specs

from .markdown import code, joined, links, plain, table

__all__ = ["page"]

INTRODUCTION = """# All keys of a scene

Generated from the models that validate scenes, by `python docs/make_reference.py`. [Writing scenes](scenes.md) explains
the keys with examples, and the [reference](reference.md) lists the plugins.

Keys of a run that are written at the top level of a scene are the defaults of all its runs. A value that is a plugin is
written as `NAME` or `{NAME: {parameter: value}}`. t is time in the unit of the schedule: 0 is clean data and T the
noisiest time, for many schedules the number of steps. Live values in texts are `{t}`, `{step}`, `{alpha}`, `{sigma}`,
`{log_snr}`, `{calls}`, `{T}`, `{run}`, `{particles}` and the values of the run's metrics, and, in a run with
`training`, `{trained}`."""

PARTS: dict[str, tuple[type[BaseModel], str]] = {
    "Scene": (specs.SceneHeader, "at the top level"),
    "Run": (specs.RunFields, "at the top level, or `runs: {NAME: {…}}`"),
    "Start": (specs.StartAt, "`start: {…}` of a run"),
    "Training": (specs.TrainingSnapshots, "`training: {…}` of a run"),
    "Panel": (specs.PanelSpec, "`panels: [{…}]`"),
    "Inset": (specs.InsetSettings, "`inset: {…}` of a panel"),
    "Layout": (specs.Layout, "`layout: {…}`"),
    "Film": (specs.FilmSettings, "`film: {…}`"),
    "Slow motion": (specs.SlowMotion, "`slow: [{…}]` of the film"),
}
"""Model and place of each part, by its heading."""

MORE = {
    "Scene": [
        ["runs", "mapping of names to [Run](#run)", "one run", "Runs by name; names contain no dots."],
        ["panels", "list of [Panel](#panel)", "one for each run", "Panels, in the order of the layout."],
    ],
    "Panel": [
        [
            "repeat",
            "mapping of at, run or both to lists",
            "",
            "One panel for each of the times t, runs, or combinations; the first key is the outer loop. `name` and "
            "`inset.panel` then get a number, NAME.1, NAME.2 …",
        ]
    ],
}
"""Keys that loading a scene expands, so that no model has them."""

DEFAULTS = {
    ("Panel", "run"): "the only run",
    ("Panel", "layers"): "by the data",
    ("Run", "particles"): "one per sample",
    ("Run", "start"): "by the sampler",
}
"""Defaults that depend on the rest of the scene."""

USES = {
    "background": "background",
    "ink": "titles and main text",
    "muted": "labels and secondary text",
    "faint": "hairlines and grids",
    "blue": "first stop of the gradient, and what has one colour",
    "violet": "second stop of the gradient",
    "rose": "third stop of the gradient",
    "amber": "last stop of the gradient",
}
"""What is drawn in the colour of each role."""


def page() -> str:
    """Return the page as Markdown."""
    contents = " · ".join(links([*PARTS, "Theme"]))
    parts = [text for heading, (model, place) in PARTS.items() for text in _part(heading, model, place)]
    return joined([INTRODUCTION, contents, *parts, *_theme()])


def _part(heading: str, model: type[BaseModel], place: str) -> Iterator[str]:
    yield f"## {heading}"
    summary = plain((inspect.getdoc(model) or "").split("\n\n")[0])
    yield f"{summary} Written {place}."
    rows = [_row(heading, *parameter) for parameter in parameters(model)]
    rows += [[code(name), *rest] for name, *rest in MORE.get(heading, [])]
    yield table(["key", "type", "default", "meaning"], rows)


def _row(heading: str, name: str, kind: str, meaning: str) -> list[str]:
    kind, _, default = kind.replace(", required", " = **required**").partition(" = ")
    for other, (model, _) in PARTS.items():
        if model.__name__ in kind:
            kind = kind.replace(model.__name__, *links([other]))
    for each in KINDS:
        kind = kind.replace(f"list of {each}s", f"{each} or list of {each}s")
    default = DEFAULTS.get((heading, name), "none" if default in ("[]", '""') else default)
    return [code(name), _choice(kind.split(" | ")), default, meaning]


def _choice(kinds: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(kinds[:-1]), kinds[-1]]))


def _theme() -> Iterator[str]:
    yield "## Theme"
    yield (
        "Colours of the built-in themes by role. A theme file, a YAML file that `film.theme` or `--theme` names, sets "
        "some of them as hex colours in quotes; `extends` names the theme that it modifies, by default dark, and "
        "`font` an installed font family."
    )
    rows = [
        [code(role), use, *(code(theme.colors[role]) for theme in THEMES.values())]
        for role, use in zip(ROLES, map(USES.__getitem__, ROLES), strict=True)
    ]
    yield table(
        ["role", "used for", *THEMES], [*rows, ["font", "all text", *(theme.font for theme in THEMES.values())]]
    )
