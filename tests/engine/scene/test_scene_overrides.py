"""Overrides: ``--set PATH=VALUE`` and the options that are short for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from noisereel.registry.registry import Registry
from noisereel.scene import Override, PluginSpecs, SceneSpec, parse_scene
from noisereel.support.errors import SceneError, UsageError

TEXT = """\
dataset: dot
schedule: ramp
sampler: up
runs:
  out: {seed: 3}
  back: {sampler: [{down: {eta: 0.5}}], denoiser: guess}
panels:
  - {run: out, layers: [dots, {line: spread}]}
  - {run: back}
film: {fps: 10}
"""


@pytest.fixture(scope="module")
def registry() -> Registry:
    registry = Registry(strict=True)
    registry.add_file(Path(__file__).parents[1] / "scene_plugins.py")
    return registry


def scene_of(registry: Registry, *sets: str, text: str = TEXT.replace(", {line: spread}", "")) -> SceneSpec:
    return parse_scene(text, "s.yaml", Path(), registry, [Override.read(text) for text in sets])


def value_at(scene: SceneSpec, *path: Any) -> Any:
    value: Any = scene
    for part in path:
        value = value[part] if isinstance(value, (dict, tuple)) else getattr(value, part)
    return value


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("film.fps=30", ("film", "fps"), 30),
        ("film.size=[64, 48]", ("film", "size"), (64, 48)),
        ("film={frames: 7}", ("film", "fps"), 25),
        ("title='t = {t}'", ("title",), "t = {t}"),
        ("title=", ("title",), None),
        ("seed=9", ("runs", "back", "seed"), 9),
        ("seed=9", ("runs", "out", "seed"), 3),
        ("runs.out.seed=9", ("runs", "out", "seed"), 9),
        ("schedule={ramp: {steps: 20}}", ("runs", "out", "schedule", "steps"), 20),
        ("schedule.ramp.steps=20", ("runs", "out", "schedule", "steps"), 20),
        ("schedule.steps=20", ("runs", "back", "schedule", "steps"), 20),
        ("schedule.ramp={steps: 20}", ("runs", "back", "schedule", "steps"), 20),
        ("dataset.path=x.png", ("runs", "out", "dataset", "path"), "x.png"),
        ("dataset.dot=x.png", ("runs", "out", "dataset", "path"), "x.png"),
        ("runs.back.sampler.0.down.eta=1", ("runs", "back", "sampler", 0, "eta"), 1),
        ("runs.back.sampler.0.eta=1", ("runs", "back", "sampler", 0, "eta"), 1),
        ("runs.back.sampler.eta=1", ("runs", "back", "sampler", 0, "eta"), 1),
        ("runs.back.sampler.spacing.even.last=one", ("runs", "back", "sampler", 0, "spacing", "last"), "one"),
        ("runs.back.sampler.spacing=even", ("runs", "back", "sampler", 0, "spacing", "last"), "zero"),
        ("runs.out.denoiser.mixed.parts=[guess]", ("runs", "out", "denoiser", "parts", 0, "kind"), "denoiser"),
        ("panels.0.layers.0.size=3", ("panels", 0, "layers", 0, "size"), 3),
        ("panels.1.title=Back", ("panels", 1, "title"), "Back"),
        ("panels.1.layers=dots", ("panels", 1, "layers", 0, "size"), 1),
    ],
)
def test_a_value_is_set_at_its_path(override: str, path: tuple[Any, ...], value: Any, registry: Registry) -> None:
    assert value_at(scene_of(registry, override), *path) == value


def test_setting_one_parameter_keeps_the_others_and_later_ones_win(registry: Registry) -> None:
    scene = scene_of(registry, "runs.back.sampler.steps=4", "film.frames=3", "film.frames=5")
    sampler = value_at(scene, "runs", "back", "sampler", 0)
    assert (sampler.eta, sampler.steps) == (0.5, 4)
    assert (scene.film.fps, scene.film.frames) == (10, 5)


def test_a_primary_value_becomes_parameters_when_another_is_set(registry: Registry) -> None:
    scene = scene_of(registry, "dataset.size=4", text=TEXT.replace("dot", "{dot: a.png}", 1).replace("dots, ", ""))
    assert PluginSpecs(registry).to_spec(scene.runs["out"].dataset) == {"dot": {"path": "a.png", "size": 4}}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("film.fpz=3", "--set: film.fpz: unknown key 'fpz'; did you mean 'fps'?"),
        ("fim.fps=3", "--set: fim: unknown key 'fim'; did you mean 'film'?"),
        ("film.fps=fast", "--set: film.fps: must be a number, got text 'fast'"),
        ("film.size=[0, 100000]", "--set: film.size.0: must be between 16 and 8,192, got 0\n"
         "--set: film.size.1: must be between 16 and 8,192, got 100000"),
        ("film.size.0=64", "--set: film.size: is not in the scene, so it has no items to set"),
        ("film.fps.x=3", "--set: film.fps: is 10; nothing can be set inside it"),
        ("schedule.stepz=3", "--set: schedule.ramp.stepz: unknown key 'stepz'; did you mean 'steps'?"),
        ("schedule.ramp.steps=0", "--set: schedule.ramp: T must be at least 1, got 0"),
        ("sampler.down.eta=3", "--set: sampler.down: the sampler is 'up'; set sampler=down first"),
        ("runs.bakc.seed=3", "--set: runs.bakc: unknown run 'bakc'; did you mean 'back'?"),
        ("panels.2.title=x", "--set: panels: is a list of items 0 to 1, got '2'"),
        ("panels.title=x", "--set: panels: is a list of items 0 to 1, got 'title'"),
        ("runs.back.sampler.1.eta=3", "--set: runs.back.sampler: is a list with only item 0, got '1'"),
        ("title={t}", "--set: title: must be text, got a mapping"),
        ("film.size=[", "--set: film.size: a value or a closing bracket is missing at the end"),
        ("seed=!!int 3", "--set: seed: tags such as 'tag:yaml.org,2002:int' are not allowed in a scene"),
        ("seed={a: 1, a: 2}", "--set: seed: duplicate key 'a' (first on line 1)"),
    ],
)  # fmt: skip
def test_wrong_paths_and_values_are_reported(override: str, message: str, registry: Registry) -> None:
    with pytest.raises(SceneError) as error:
        scene_of(registry, override)
    assert str(error.value) == message


def test_every_wrong_override_is_reported_and_the_files_problems_come_first(registry: Registry) -> None:
    with pytest.raises(SceneError) as error:
        scene_of(registry, "panels.7.title=x", "runs.none.seed=1")
    assert str(error.value).split("\n") == [
        "--set: panels: is a list of items 0 to 1, got '7'",
        "--set: runs.none: unknown run 'none'; known: back, out",
    ]
    with pytest.raises(SceneError) as error:
        scene_of(registry, "film.frames=0", text=TEXT)
    assert str(error.value).split("\n") == [
        "s.yaml:8:31: panels.0.layers.1: 'line' draws on time axes, 'dots' on plane axes: put them in separate panels",
        "--set: film.frames: must be between 1 and 100,000, got 0",
    ]


def test_other_options_are_named_in_errors(registry: Registry) -> None:
    with pytest.raises(SceneError) as error:
        parse_scene(TEXT.replace("dots, ", ""), "s.yaml", Path(), registry, [Override("--seed", "seed", "abc")])
    assert str(error.value) == "--seed: seed: must be a whole number, got text 'abc'"


def test_a_run_named_like_a_key_is_still_a_run(registry: Registry) -> None:
    text = "dataset: dot\nschedule: ramp\nsampler: up\nruns: {sampler: {seed: 1}}"
    assert scene_of(registry, "runs.sampler.seed=2", text=text).runs["sampler"].seed == 2


@pytest.mark.parametrize("text", ["film.fps", "=3", "", "  = 3"])
def test_an_override_is_a_path_and_a_value(text: str) -> None:
    with pytest.raises(UsageError) as error:
        Override.read(text)
    assert str(error.value) == f"--set takes PATH=VALUE, such as film.fps=30, got '{text}'"


def test_only_the_first_equals_sign_separates() -> None:
    assert Override.read("title = a = b") == Override("--set", "title", "a = b")
