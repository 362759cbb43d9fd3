"""Advice: whatever a message suggests is accepted, short forms are, and likely mistakes are named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from noisereel.registry import load_registry
from noisereel.scene import SceneSpec
from noisereel.scene.load import load_scene, parse_scene
from noisereel.scene.plugin_fields import plugin_kind
from noisereel.simulation.lint import lint
from noisereel.simulation.plan import plan_runs
from noisereel.support.errors import NoisereelError, SceneError
from noisereel.support.template import LIVE

REGISTRY = load_registry()
SCENE = {
    "dataset": {"two-moons": {"n": 40}},
    "schedule": {"linear": {"steps": 100}},
    "denoiser": "empirical",
    "sampler": "ddim",
}
METRICS = {name: REGISTRY.get("metric", name) for name in REGISTRY.names("metric")}
VALUES = [(name, value) for name, cls in METRICS.items() for value in cls.gives if value not in LIVE]


def scene(**changes: object) -> SceneSpec:
    return parse_scene(yaml.safe_dump(SCENE | changes, sort_keys=False), "scene.yaml", Path(), REGISTRY)


def problems(**changes: object) -> list[str]:
    with pytest.raises(SceneError) as error:
        scene(**changes)
    return [problem.message for problem in error.value.problems]


def warnings(**changes: object) -> list[str]:
    built = scene(**changes)
    return [problem.message for problem in lint(built, plan_runs(built))]


@pytest.mark.parametrize("key", ["at", "layers", "x_label", "fps", "frames", "size", "hold", "theme"])
def test_keys_at_the_wrong_level_are_accepted_where_the_message_says(key: str) -> None:
    values = {"at": 5, "layers": ["points"], "fps": 20, "frames": 9, "size": "1:1", "hold": 0, "theme": "light"}
    value = values.get(key, "word")
    messages = problems(**{key: value})
    (advice,) = [match[1] for message in messages if (match := re.search("write '(.*)'$", message))]
    scene(**yaml.safe_load(advice.replace("…", yaml.safe_dump(value, default_flow_style=True).split("\n")[0])))


FILM_ADVICE = [
    ("duration", 3),
    ("length", 3),
    ("seconds", 3),
    ("width", 100),
    ("height", 100),
    ("resolution", "720p"),
    ("frame_rate", 25),
    ("framerate", 25),
    ("rate", 25),
    ("speed", 2),
]


@pytest.mark.parametrize(("key", "value"), FILM_ADVICE)
def test_keys_that_other_tools_have_are_answered_with_ours(key: str, value: object) -> None:
    (message,) = problems(film={key: value})
    advice = re.search(r"write '(.*?)'", message)
    assert advice is not None
    filled = advice[1].replace("NUMBER", "25").replace("WIDTH", "320").replace("HEIGHT", "240")
    scene(film=yaml.safe_load(filled))


@pytest.mark.parametrize(("metric", "value"), VALUES)
def test_a_metric_that_a_title_misses_can_be_added_as_the_message_says(metric: str, value: str) -> None:
    for name in {value, value.replace("_", "-")}:
        (message,) = problems(title=f"{{{name}:.2f}}")
        advice = re.search("add '(.*)' to the run", message)
        assert advice is not None and message.startswith(f"'{{{value}}}' is not measured")
        try:
            scene(title=f"{{{name}:.2f}}", **yaml.safe_load(advice[1]))
        except SceneError as error:  # some need more, such as a trained denoiser
            assert "metrics" in str(error) and "title" not in str(error)


@pytest.mark.parametrize(("metric", "value"), VALUES)
@pytest.mark.parametrize("hyphen", [True, False])
def test_values_of_metrics_are_found_with_hyphens_and_underscores(metric: str, value: str, hyphen: bool) -> None:
    name = value.replace("_", "-") if hyphen else value
    from noisereel_builtins.renderers import Curve

    assert Curve(of=(name,))._names == (value,)
    panels = [{"layers": [{"curve": {"of": name}}], "title": f"{{{name}}}"}]
    try:
        scene(metrics=[metric], panels=panels)
    except SceneError as error:
        assert "panels" not in str(error)


def composed() -> list[tuple[str, str, str, str]]:
    """Return (kind, plugin, kind of its primary field, a plugin of that kind), for all plugins with such a field."""
    found = []
    for kind in ("schedule", "sampler", "spacing", "denoiser", "dataset", "metric", "renderer"):
        for name in REGISTRY.names(kind):
            cls = REGISTRY.get(kind, name)
            inner = plugin_kind(cls.model_fields[cls.primary].annotation) if cls.primary else None
            if inner is not None:
                found.append((kind, name, inner, cls.primary))
    return found


SHORT = {"schedule": {"linear": {"steps": 7}}, "dataset": {"two-moons": {"n": 9}}, "spacing": {"t-min": {"t": 0.5}}}
SHORT |= {"denoiser": {"gaussian": {}}, "sampler": {"ddim": {"steps": 3}}, "metric": {"entropy": {"bins": 4}}}


@pytest.mark.parametrize(("kind", "name", "inner", "primary"), composed())
def test_the_plugin_of_a_primary_field_needs_no_key(kind: str, name: str, inner: str, primary: str) -> None:
    from noisereel.scene.load import build_plugin

    is_list = "tuple" in str(REGISTRY.get(kind, name).model_fields[primary].annotation)
    value = SHORT[inner]
    try:
        long = build_plugin({name: {primary: [value, value] if is_list else value}}, kind, REGISTRY)
    except NoisereelError as error:
        with pytest.raises(type(error)) as short:
            build_plugin({name: [value, value] if is_list else value}, kind, REGISTRY)
        assert str(short.value) == str(error)
    else:
        assert build_plugin({name: [value, value] if is_list else value}, kind, REGISTRY) == long


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("particles", "1e4", 10_000),
        ("particles", "500.0", 500),
        ("seed", "1e9", 10**9),
        ("film.frames", "6e1", 60),
        ("film.size", "[3.2e2, 240.0]", (320, 240)),
    ],
)
def test_whole_numbers_may_be_written_as_floats(path: str, text: str, value: object) -> None:
    keys = path.split(".")
    lines = "\n".join(f"{'  ' * i}{key}:" for i, key in enumerate(keys))
    built = parse_scene(f"{yaml.safe_dump(SCENE)}{lines} {text}\n", "scene.yaml", Path(), REGISTRY)
    assert (getattr(built.film, keys[1]) if len(keys) > 1 else getattr(built.runs["run"], path)) == value


@pytest.mark.parametrize("text", ["1.5", "1e99", ".5"])
def test_other_floats_are_still_refused_as_whole_numbers(text: str) -> None:
    with pytest.raises(SceneError, match="particles: must be"):
        parse_scene(f"{yaml.safe_dump(SCENE)}particles: {text}\n", "scene.yaml", Path(), REGISTRY)


@pytest.mark.parametrize(
    ("name", "hint"), [("missing", None), ("mony", "money"), ("keyboard", None), ("moneys", "money")]
)
def test_only_a_similar_scene_is_suggested_and_its_path_works(name: str, hint: str | None, tmp_path: Path) -> None:
    (tmp_path / "money.yaml").write_text(yaml.safe_dump(SCENE))
    with pytest.raises(NoisereelError) as error:
        load_scene(tmp_path / f"{name}.yaml", REGISTRY)
    suggested = re.search(r"did you mean '(.*)'\?$", str(error.value))
    assert (suggested is not None) == (hint is not None)
    if suggested:
        load_scene(suggested[1], REGISTRY)


@pytest.mark.parametrize(("hold", "wrong"), [(500, True), ([0, 1200], True), (2, False), ([0.7, 30], False)])
def test_holds_in_milliseconds_are_warned_of(hold: object, wrong: bool) -> None:
    messages = warnings(film={"hold": hold})
    assert bool(messages) == wrong
    if wrong:
        advice = re.search("write (.*)$", messages[0])
        assert advice is not None and warnings(film={"hold": float(advice[1])}) == []


def sized_layers() -> list[tuple[str, str]]:
    """Return (layer, field) of all radii and widths in design pixels."""
    layers = {name: REGISTRY.get("renderer", name) for name in REGISTRY.names("renderer")}
    described = [(n, key, f.description or "") for n, cls in layers.items() for key, f in cls.model_fields.items()]
    return [(name, key) for name, key, text in described if re.search("(Radius|Width).*in design pixels", text)]


@pytest.mark.parametrize(("layer", "field"), sized_layers())
def test_sizes_in_data_units_are_warned_of(layer: str, field: str) -> None:
    cls = REGISTRY.get("renderer", layer)
    (message,) = cls.model_validate({field: 0.02}).lint()
    advice = re.search(r"write ([\d.]+)", message)
    assert advice is not None and [*cls.model_validate({field: float(advice[1])}).lint()] == []
