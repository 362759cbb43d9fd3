"""Scenes: what they parse to, and their errors."""

from __future__ import annotations

import re
import time
from fractions import Fraction
from pathlib import Path

import pytest
from pydantic import ValidationError

from noisereel.registry.registry import Registry
from noisereel.scene import Layout, PanelSpec, PluginSpecs, SceneSpec, find_scene, load_scene, parse_scene
from noisereel.support.errors import PluginError, SceneError, UsageError

BASE = "dataset: dot\nschedule: ramp\nsampler: up\n"


@pytest.fixture(scope="module")
def registry() -> Registry:
    registry = Registry(strict=True)
    registry.add_file(Path(__file__).parents[1] / "scene_plugins.py")
    return registry


def scene_of(text: str, registry: Registry) -> SceneSpec:
    return parse_scene(text, "s.yaml", Path("/there"), registry)


def problems(text: str, registry: Registry) -> list[str]:
    """Return the problems of a wrong scene."""
    with pytest.raises(SceneError) as error:
        scene_of(text, registry)
    return str(error.value).split("\n")


# Parsed scenes


def test_the_shortest_scene_is_three_lines(registry: Registry) -> None:
    scene = scene_of(BASE, registry)
    [(name, run)] = scene.runs.items()
    assert (name, run.name, run.copy_index, run.seed, run.start, run.metrics) == ("run", "run", 0, 0, None, ())
    assert PluginSpecs(registry).to_spec(run.dataset) == {"dot": {"path": "dot.csv", "size": None}}
    assert [PluginSpecs(registry).to_spec(act) for act in run.sampler] == [{"up": {"steps": None, "spacing": None}}]
    assert [(p.run, p.title, p.layers) for p in scene.panels] == [("run", None, ())]
    assert (scene.film.size, scene.film.hold, scene.film.rate) == ((1280, 720), (0.7, 1.2), Fraction(25))


def test_plugins_can_be_a_name_or_have_parameters_or_a_primary_value(registry: Registry) -> None:
    scene = scene_of(
        """
        dataset: {dot: logo.png}
        schedule: {ramp: {steps: 20}}
        sampler: [up, {down: {eta: 1, spacing: {even: {last: one}}}}]
        denoiser: {mixed: {parts: [guess, {mixed: {parts: [guess]}}]}}
        """,
        registry,
    )
    run = scene.runs["run"]
    assert PluginSpecs(registry).to_spec(run.dataset) == {"dot": {"path": "logo.png", "size": None}}
    assert run.schedule.T == 20
    assert [registry.name_of(act) for act in run.sampler] == ["up", "down"]
    assert PluginSpecs(registry).to_spec(run.sampler[1]) == {
        "down": {"steps": None, "spacing": {"even": {"last": "one"}}, "eta": 1.0}
    }
    assert run.denoiser is not None
    assert PluginSpecs(registry).to_spec(run.denoiser) == {
        "mixed": {"parts": [{"guess": {}}, {"mixed": {"parts": [{"guess": {}}]}}]}
    }


def test_top_level_keys_are_the_defaults_of_every_run_and_are_replaced_whole(registry: Registry) -> None:
    scene = scene_of(
        BASE + "seed: 7\nmetrics: spread\nruns: {a: , b: {schedule: {ramp: {steps: 9}}, seed: 8, metrics: []}}",
        registry,
    )
    a, b = scene.runs.values()
    assert (a.name, a.schedule.T, a.seed, len(a.metrics)) == ("a", 50, 7, 1)
    assert (b.name, b.schedule.T, b.seed, len(b.metrics)) == ("b", 9, 8, 0)
    assert a.dataset is b.dataset
    assert [(p.run, p.title) for p in scene.panels] == [("a", "a"), ("b", "b")]


def test_null_removes_a_default(registry: Registry) -> None:
    scene = scene_of(BASE + "denoiser: guess\nparticles: 5\nruns: {a: {denoiser: null, particles: null}}", registry)
    assert (scene.runs["a"].denoiser, scene.runs["a"].particles) == (None, None)


def test_copies_repeat_a_run_and_its_panel(registry: Registry) -> None:
    scene = scene_of(BASE + "copies: 3\npanels: [{title: 't = {t}', layers: dots, name: p}]", registry)
    assert [(r.name, r.copy_index) for r in scene.runs.values()] == [("run.1", 0), ("run.2", 1), ("run.3", 2)]
    assert [(p.run, p.name) for p in scene.panels] == [("run.1", "p.1"), ("run.2", "p.2"), ("run.3", "p.3")]
    assert {p.title for p in scene.panels} == {"t = {t}"}


def test_a_run_starts_from_another_and_each_copy_from_its_own(registry: Registry) -> None:
    scene = scene_of(
        BASE
        + "runs: {back: {start: {run: out, at: 50}, copies: 2}, out: {copies: 2}, one: {start: {run: out.2, at: 3}}}",
        registry,
    )
    starts = {run.name: (run.start_run.run, run.start_run.at) for run in scene.runs.values() if run.start_run}
    assert starts == {"back.1": ("out.1", 50), "back.2": ("out.2", 50), "one": ("out.2", 3)}
    assert [run.name for run in scene.run_order] == ["out.1", "out.2", "back.1", "back.2", "one"]


def test_repeat_makes_a_panel_for_each_time_or_run(registry: Registry) -> None:
    scene = scene_of(BASE + "panels: [{repeat: {at: [0, 6, 12.5]}, layers: [dots]}]", registry)
    assert [(p.run, p.at) for p in scene.panels] == [("run", 0), ("run", 6), ("run", 12.5)]
    scene = scene_of(BASE + "runs: {a: , b: }\npanels: [{repeat: {run: [b, a]}, at: 3}]", registry)
    assert [(p.run, p.at) for p in scene.panels] == [("b", 3), ("a", 3)]


def test_repeat_over_runs_and_times_makes_a_grid(registry: Registry) -> None:
    panels = "panels: [{repeat: {run: [b, a], at: [0, 9]}, name: p}]"
    scene = scene_of(BASE + f"runs: {{a: , b: }}\n{panels}", registry)
    assert [(p.run, p.at, p.name) for p in scene.panels] == [
        ("b", 0, "p.1"),
        ("b", 9, "p.2"),
        ("a", 0, "p.3"),
        ("a", 9, "p.4"),
    ]
    scene = scene_of(BASE + "runs: {a: , b: }\npanels: [{repeat: {at: [0, 9], run: [b, a]}}]", registry)
    assert [(p.run, p.at) for p in scene.panels] == [("b", 0), ("a", 0), ("b", 9), ("a", 9)]


def test_aliases_repeat_their_anchor(registry: Registry) -> None:
    scene = scene_of(BASE + "panels: [{layers: &these [dots, {dots: {size: 2}}]}, {layers: *these}]", registry)
    assert scene.panels[0].layers == scene.panels[1].layers
    assert len(scene.panels[1].layers) == 2


def test_numbers_and_text_follow_yaml_1_2(registry: Registry) -> None:
    scene = scene_of(
        "dataset: {dot: on}\nschedule: {ramp: {steps: 0x10}}\nsampler: {down: {eta: 1e-3}}\ndenoiser: guess\n"
        "title: 'null'\nsubtitle: 2020-01-01\ndescription: yes",
        registry,
    )
    assert PluginSpecs(registry).to_spec(scene.runs["run"].dataset) == {"dot": {"path": "on", "size": None}}
    assert PluginSpecs(registry).to_spec(scene.runs["run"].sampler[0])["down"]["eta"] == 0.001
    assert scene.runs["run"].schedule.T == 16
    assert (scene.title, scene.subtitle, scene.description) == ("null", "2020-01-01", "yes")


def test_one_hold_is_used_at_both_ends_and_the_rate_is_exact(registry: Registry) -> None:
    film = scene_of(BASE + "film: {hold: 0.5, fps: 29.97}", registry).film
    assert film.hold == (0.5, 0.5)
    assert film.rate == Fraction(2997, 100)


@pytest.mark.parametrize(
    ("value", "size"),
    [("16:9", (1280, 720)), ("4:3", (960, 720)), ("1:1", (720, 720)), ("'9:16'", (720, 1280)), ("[64, 48]", (64, 48))],
)
def test_sizes_are_pixels_or_aspect_ratios(registry: Registry, value: str, size: tuple[int, int]) -> None:
    assert scene_of(BASE + f"film: {{size: {value}}}", registry).film.size == size


def test_in_a_tall_frame_rows_become_columns_if_panels_are_squarer_then(registry: Registry) -> None:
    text = (
        BASE
        + "panels: [{name: a}, {name: b}, {name: c}]\nlayout: {areas: [a b, a c], widths: [3, 2]}\nfilm: {size: %s}"
    )
    cells, widths, heights = scene_of(text % "16:9", registry).arrangement
    assert (cells, widths, heights) == (((0, 0, 2, 1), (0, 1, 1, 1), (1, 1, 1, 1)), (3, 2), (1, 1))
    assert scene_of(text % "1:1", registry).arrangement == (cells, widths, heights)
    transposed = ((0, 0, 1, 2), (1, 0, 1, 1), (1, 1, 1, 1)), (1, 1), (3, 2)
    assert scene_of(text % "9:16", registry).arrangement == transposed
    column = BASE + "panels: [{}, {}]\nlayout: {columns: 1}\nfilm: {size: 9:16}"
    assert scene_of(column, registry).arrangement == (((0, 0, 1, 1), (1, 0, 1, 1)), (1,), (1, 1))


def test_scenes_are_frozen(registry: Registry) -> None:
    scene = scene_of(BASE, registry)
    with pytest.raises(ValidationError):
        scene.film.fps = 3  # type: ignore[misc]


def test_the_document_is_enough_to_build_the_scene_again(registry: Registry) -> None:
    scene = scene_of(BASE + "copies: 2\nfilm: {theme: light}", registry)
    document = scene.document
    assert parse_scene(document.text, document.name, document.folder, registry, document.overrides) == scene


def test_problems_found_later_have_a_place_in_the_document(registry: Registry) -> None:
    scene = scene_of("dataset: dot\nschedule: ramp\nruns:\n  a:\n    sampler: up\n    copies: 2\n", registry)
    problem = scene.document.problem
    assert str(problem("runs.a.2.dataset", "is empty")) == "s.yaml:1:10: dataset: is empty"
    assert str(problem("runs.a.2.sampler", "is odd")) == "s.yaml:5:14: runs.a.sampler: is odd"
    assert str(problem("panels.0.layers", "is odd")) == "s.yaml:1:1: panels.0.layers: is odd"
    problem = scene_of(BASE + "film:\n  slow: [{at: 1}]\n  align: t", registry).document.problem
    assert str(problem("film.align", "is odd")) == "s.yaml:6:10: film.align: is odd"
    assert str(problem("film.slow.0.at", "is odd")) == "s.yaml:5:15: film.slow.0.at: is odd"


# The grid


@pytest.mark.parametrize(
    ("panels", "shape"),
    [
        (1, (1, 1)),
        (2, (1, 2)),
        (3, (1, 3)),
        (4, (2, 2)),
        (5, (1, 5)),
        (6, (2, 3)),
        (7, (2, 4)),
        (9, (3, 3)),
        (12, (3, 4)),
    ],
)
def test_panels_fill_a_nearly_square_grid(panels: int, shape: tuple[int, int]) -> None:
    layout, specs = Layout(), [PanelSpec(run="a")] * panels
    assert layout.shape(specs) == shape
    assert layout.tracks(specs) == ((1.0,) * shape[1], (1.0,) * shape[0])
    assert [tuple(cell) for cell in layout.cells(specs)] == [(i // shape[1], i % shape[1], 1, 1) for i in range(panels)]


def test_areas_place_panels_by_name(registry: Registry) -> None:
    scene = scene_of(
        BASE + "layout: {areas: [roll entropy, roll ., roll schedule], widths: [2, 1]}\n"
        "panels: [{name: entropy}, {name: schedule}, {name: roll}]",
        registry,
    )
    assert scene.layout.shape(scene.panels) == (3, 2)
    assert scene.layout.tracks(scene.panels) == ((2.0, 1.0), (1.0, 1.0, 1.0))
    assert [tuple(cell) for cell in scene.layout.cells(scene.panels)] == [(0, 1, 1, 1), (2, 1, 1, 1), (0, 0, 3, 1)]


# Errors: file, line, column, path, given value, suggestion


def test_an_error_has_line_column_and_path(registry: Registry) -> None:
    text = "# Two moons\n" * 11 + "dataset: dot\nschedule: ramp\nsampler: {   down: {eta: -1}}\ndenoiser: guess\n"
    text = text.replace("sampler: {   down: {eta: -1}}", "sampler: {down:\n  { eta:   -1 }}").replace(
        "# Two moons\n", "", 1
    )
    with pytest.raises(SceneError) as error:
        parse_scene(text, "scenes/moons.yaml", Path("scenes"), registry)
    assert str(error.value) == "scenes/moons.yaml:14:12: sampler.down.eta: must be between 0 and 1, got -1"


def error_cases() -> list[tuple[str, str]]:
    """Return scenes with one mistake and their errors, from the table next to this file."""
    table = Path(__file__).with_name("scene_errors.txt").read_text(encoding="utf-8")
    blocks = [block for block in table.split("\n\n") if "\n→ " in block]
    return [(text, message.strip()) for text, _, message in (block.partition("\n→ ") for block in blocks)]


@pytest.mark.parametrize(("text", "message"), error_cases())
def test_an_error_gives_its_place_the_value_and_a_suggestion(text: str, message: str, registry: Registry) -> None:
    assert problems("dataset: dot\nschedule: ramp\n" + text, registry) == [f"s.yaml:{message}"]


def test_the_table_of_errors_is_complete() -> None:
    assert len(error_cases()) >= 67


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (
            "{ramp: {jump: 1}}",
            "at t = 50, sigma is 0: too small to compute with; use a schedule with more noise in its first step",
        ),
        ("{ramp: {steps: 0}}", "T must be at least 1, got 0"),
        ("{ramp: {clean: 0.9}}", "t = 0 must be clean data, (alpha, sigma) = (1, 0), got (0.9, 0.43589)"),
    ],
)  # fmt: skip
def test_invalid_schedules_are_refused(schedule: str, message: str, registry: Registry) -> None:
    assert problems(f"dataset: dot\nschedule: {schedule}\nsampler: up", registry) == [
        f"s.yaml:2:18: schedule.ramp: {message}"
    ]


def test_a_key_that_all_runs_lack_is_reported_once_and_otherwise_at_its_run(registry: Registry) -> None:
    assert problems("runs:\n  a:\n  b: {sampler: up}\n", registry) == [
        "s.yaml:1:1: dataset: is missing; add 'dataset: dot'",
        "s.yaml:1:1: schedule: is missing; add 'schedule: ramp'",
        "s.yaml:2:3: runs.a.sampler: is missing; add 'sampler: NAME', NAME being one of down, up",
    ]


def test_all_problems_are_reported_in_the_order_of_the_file(registry: Registry) -> None:
    text = """\
film: {fps: -1, frames: 0}
dataset: {dot: {size: [1, a]}}
schedule: rmap
runs:
  one: {sampler: {down: {eta: 2}}, seed: -1}
  two: {sampler: up, start: never}
panels:
  - {run: one, title: "{oops}", layers: [{dots: {size: 0}}, lime]}
  - {run: three}
tilte: Hello
"""
    assert problems(text, registry) == [
        "s.yaml:1:13: film.fps: must be between 0.01 and 120, got -1",
        "s.yaml:1:25: film.frames: must be between 1 and 100,000, got 0",
        "s.yaml:2:27: dataset.dot.size.1: must be a whole number, got text 'a'",
        "s.yaml:3:11: schedule: unknown schedule 'rmap'; did you mean 'ramp'?",
        "s.yaml:5:31: runs.one.sampler.down.eta: must be between 0 and 1, got 2",
        "s.yaml:5:42: runs.one.seed: must be between 0 and 1,000,000,000,000,000,000, got -1",
        "s.yaml:6:29: runs.two.start: must be 'data', 'prior' or 'marginal' or a mapping, got text 'never'",
        "s.yaml:8:56: panels.0.layers.0.dots.size: must be above 0, got 0",
        "s.yaml:8:61: panels.0.layers.1: unknown renderer 'lime'; did you mean 'line'?",
        "s.yaml:9:11: panels.1.run: unknown run 'three'; known: one, two",
        "s.yaml:10:1: tilte: unknown key 'tilte'; did you mean 'title'?",
    ]


def test_a_default_is_checked_even_if_no_run_uses_it(registry: Registry) -> None:
    assert problems(BASE.replace("up", "upp") + "runs: {a: {sampler: up}}", registry) == [
        "s.yaml:3:10: sampler: unknown sampler 'upp'; did you mean 'up'?"
    ]


def test_a_wrong_default_is_reported_once_for_many_runs(registry: Registry) -> None:
    assert problems(BASE + "seed: x\nruns: {a: , b: , c: }", registry) == [
        "s.yaml:4:7: seed: must be a whole number, got text 'x'"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "s.yaml:1:1: is empty; a scene needs at least a dataset, a schedule and a sampler"),
        ("# nothing\n", "s.yaml:1:1: is empty; a scene needs at least a dataset, a schedule and a sampler"),
        ("- a\n", "s.yaml:1:1: must be a mapping such as 'dataset: NAME', got a list of 1"),
        ("a: b: c", "s.yaml:1:5: a ':' is not allowed here; check the indentation, and quote text that contains one"),
        ("a:\n\tb: 1", "s.yaml:2:1: tabs cannot indent; use spaces"),
        ("a:\n  'x", "s.yaml:2:3: a quote is never closed"),
        ("a:\n  [1, 2\nb: 3", "s.yaml:3:2: ',' or ']' is missing before ':'; text that contains one must be quoted"),
        ("a: {b: 1", "s.yaml:1:4: a bracket is never closed; '}' is missing"),
        ("- a\nb: 1", "s.yaml:2:1: does not fit the lines before it; check the indentation"),
        ("a: @x", "s.yaml:1:4: text that begins with '@' must be quoted"),
        ("a: b\nc\n", "s.yaml:2:1: a ':' is missing"),
        (
            "a: 1\nb:\xa0c\n",
            r"s.yaml:2:1: a ':' is missing; this line holds a no-break space (\xa0): use plain spaces",
        ),
        ("a: ]", "s.yaml:1:4: a value is missing before ']'"),
        ("a: !!str x", "s.yaml:1:4: tags such as 'tag:yaml.org,2002:str' are not allowed in a scene"),
        ("a: !python/object x", "s.yaml:1:4: tags such as '!python/object' are not allowed in a scene"),
        ("a: *other", "s.yaml:1:4: unknown alias '*other'; none is known"),
        ("a: &me [*me]", "s.yaml:1:9: unknown alias '*me'; none is known"),
        ("? [a]\n: b", "s.yaml:1:3: keys must be plain text"),
        ("a\n---\nb", "s.yaml:2:1: a second document begins here; a scene is one document"),
        ('a: "\\ud800"', "s.yaml:1:4: contains an invalid character (a lone surrogate)"),
        ("a: " + "9" * 200, "s.yaml:1:4: a number of 200 characters is too long"),
        ("a: " + "[" * 60 + "]" * 60, "s.yaml:1:44: is nested more than 40 levels deep"),
        ("a: 1\n" * 200_001, "s.yaml:200001:1: is too long for a scene: 1,000,005 characters, at most 1,000,000"),
        ("a: 1\nb: x\x1b[2J", r"s.yaml:2:5: the control character \x1b is not allowed; remove it"),
        ("a: 1\r\nb: '\0'", r"s.yaml:2:5: the control character \x00 is not allowed; remove it"),
        ("\x7f", r"s.yaml:1:1: the control character \x7f is not allowed; remove it"),
        ("a: 1\n\n  \x9b", r"s.yaml:3:3: the control character \x9b is not allowed; remove it"),
        ('a: "\\0"', "s.yaml:1:4: contains an invalid character (NUL)"),
        ('"\\0": 1', "s.yaml:1:1: contains an invalid character (NUL)"),
    ],
)
def test_invalid_yaml_is_reported_in_plain_english(text: str, message: str, registry: Registry) -> None:
    assert problems(text, registry) == [message]


def test_each_duplicate_key_is_reported_at_its_place(registry: Registry) -> None:
    assert problems("a: 1\nb: {c: 1, c: 2}\na: 3", registry) == [
        "s.yaml:2:11: duplicate key 'c' (first on line 2)",
        "s.yaml:3:1: duplicate key 'a' (first on line 1)",
    ]


def test_aliases_cannot_grow_without_bound(registry: Registry) -> None:
    lines = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    for name, before in zip("bcdefghi", "abcdefgh", strict=True):
        lines.append(f"{name}: &{name} [{', '.join(['*' + before] * 10)}]")
    assert problems("\n".join(lines), registry) == [
        "s.yaml:5:36: expands to more than 100000 values (each alias repeats its anchor)"
    ]


# Files


def test_a_scene_file_is_read_and_named_in_errors(tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "moons.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + BASE.encode())
    scene = load_scene(path, registry)
    assert (scene.document.name, scene.document.folder) == (str(path), tmp_path)
    path.write_text("sampler: up")
    with pytest.raises(SceneError) as error:
        load_scene(str(path), registry)
    assert str(error.value).startswith(f"{path}:1:1: dataset: is missing")


def test_files_that_cannot_be_read_are_one_clear_line(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "moons.yaml").write_bytes(b"title: \xff")
    for name, message in {
        "mons.yaml": f"no scene file '{{}}'; did you mean '{tmp_path / 'moons.yaml'}'?",
        "far/away.yaml": "no scene file '{}'",
        "moons.yaml": "'{}' is not a scene file: byte 7 is not UTF-8 text",
        "": "'{}' is a folder, not a scene file",
    }.items():
        path = tmp_path / name
        with pytest.raises(UsageError) as error:
            load_scene(path, registry)
        assert str(error.value) == message.format(path)


def test_a_name_without_suffix_is_found_in_the_gallery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "roll.yaml").write_text(BASE)
    registry = Registry()
    monkeypatch.setattr(registry, "scenes", lambda: {"roll": tmp_path / "roll.yaml"})
    monkeypatch.chdir(tmp_path)
    assert find_scene("roll", registry) == tmp_path / "roll.yaml"
    assert find_scene("roll.yaml", registry) == Path("roll.yaml")
    assert find_scene("other/roll", registry) == Path("other/roll")
    with pytest.raises(UsageError) as error:
        find_scene("rol", registry)
    assert str(error.value) == "unknown scene 'rol'; did you mean 'roll'?"


def test_a_plugin_that_fails_while_loading_is_named(tmp_path: Path) -> None:
    file = tmp_path / "odd.py"
    file.write_text(
        "from typing import Any\n"
        "from pydantic import model_validator\n"
        "from noisereel import hookimpl\n"
        "from noisereel.contracts.dataset import Dataset\n"
        "class Odd(Dataset):\n"
        "    a: int = 0\n"
        "    @model_validator(mode='after')\n"
        "    def check(self) -> Any:\n"
        "        raise KeyError('lost')\n"
        "    def load(self, ctx: Any) -> Any: ...\n"
        "@hookimpl\n"
        "def register_datasets(register):\n"
        "    register('odd', Odd)\n"
    )
    registry = Registry(strict=True)
    registry.add_file(file)
    with pytest.raises(PluginError) as error:
        scene_of("dataset: odd", registry)
    assert str(error.value) == "dataset 'odd' failed on its parameters: KeyError: 'lost'"


@pytest.mark.parametrize(
    "unit", ["[", "{a: ", "- ", "? ", "[a, ", "{", "a: [", "&a [", "[[],", "[\n", "{a:\n", "{? ", "- [", "[a: "]
)
def test_depth_is_limited_before_the_parser_takes_long(unit: str, registry: Registry) -> None:
    began = time.process_time()
    (problem,) = problems(unit * 8000, registry)
    assert re.match(r"s\.yaml:\d+:\d+: ", problem)
    assert time.process_time() - began < 10  # 22 s without
