"""Fuzzing: any text becomes a scene or a `SceneError`, each of whose lines gives a place."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from noisereel.registry.registry import Registry
from noisereel.scene import Override, SceneSpec, parse_scene
from noisereel.support.errors import SceneError

VOCABULARY = """
    dataset schedule sampler denoiser runs panels layers film metrics start run at title repeat copies layout areas name
    dot ramp up down guess mixed even spread dots line steps eta spacing parts path size prior a b a.1 0 {t}
    {spread:.2f} fps hold frames theme dark x seed particles columns widths
"""
WORDS = st.sampled_from(VOCABULARY.split())
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-3, 60), st.floats(allow_nan=True), WORDS, st.text(max_size=4))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=20,
)
PLACE = re.compile(r"(s\.yaml(:\d+:\d+)?|--set): .+", re.DOTALL)


@pytest.fixture(scope="module")
def registry() -> Registry:
    registry = Registry(strict=True)
    registry.add_file(Path(__file__).parents[1] / "scene_plugins.py")
    return registry


def check(text: str, registry: Registry, *overrides: Override) -> None:
    try:
        scene = parse_scene(text, "s.yaml", Path(), registry, overrides)
    except SceneError as error:
        assert error.problems
        for problem in error.problems:
            assert PLACE.fullmatch(str(problem))
    else:
        assert isinstance(scene, SceneSpec)
        assert scene.panels
        assert len(scene.layout.cells(scene.panels)) == len(scene.panels)
        assert [run.name for run in scene.run_order]


def as_yaml(tree: Any) -> str:
    return json.dumps(tree).replace("NaN", ".nan").replace("Infinity", ".inf")


QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(tree=st.dictionaries(WORDS, TREES, max_size=6))
def test_any_tree_of_scene_words(tree: dict[str, Any], registry: Registry) -> None:
    check(as_yaml({"dataset": "dot", "schedule": "ramp", "sampler": "up", **tree}), registry)


@QUICK
@given(run=TREES, panel=TREES, start=TREES, layer=TREES)
def test_any_tree_in_the_place_of_a_part(run: Any, panel: Any, start: Any, layer: Any, registry: Registry) -> None:
    base = {"dataset": "dot", "schedule": "ramp", "sampler": "up"}
    check(
        as_yaml({**base, "runs": {"a": run, "b": {"start": start}}, "panels": [panel, {"layers": [layer]}]}), registry
    )


@QUICK
@given(text=st.text(alphabet="abt:{}[]-,&*!|>'\"%@#?~ \n\t\\u0x.1e", max_size=40))
def test_any_text(text: str, registry: Registry) -> None:
    check(text, registry)


@QUICK
@given(path=st.lists(st.one_of(WORDS, st.sampled_from("01")), min_size=1, max_size=5), value=TREES)
def test_any_override(path: list[str], value: Any, registry: Registry) -> None:
    text = "dataset: dot\nschedule: {ramp: {steps: 5}}\nsampler: [up]\nruns: {a: , b: }\n"
    text += "panels: [{run: a, layers: [dots]}]"
    check(text, registry, Override("--set", ".".join(path), as_yaml(value)))


@QUICK
@given(cut=st.integers(0, 200), insert=st.text(max_size=3))
def test_a_scene_with_a_typing_error(cut: int, insert: str, registry: Registry) -> None:
    text = "dataset: dot\nschedule: {ramp: {steps: 5}}\nsampler:\n  - up\nfilm:\n  size: [64, 48]\n"
    text += "panels: [{layers: [dots]}]\n"
    check(text[:cut] + insert + text[cut + 1 :], registry)
