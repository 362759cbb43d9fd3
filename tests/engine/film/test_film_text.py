"""Text over films: every time that it names is the time of what is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from noisereel.film.composition import Film, compose
from noisereel.film.stills import still_frames, strip
from noisereel.registry import load_registry
from noisereel.scene import SceneSpec
from noisereel.scene.load import parse_scene
from noisereel.simulation.lint import lint
from noisereel.simulation.plan import plan_runs
from simulating import context, simulated

TWO_CLOCKS = """\
dataset: {two-moons: {n: 40}}
schedule: {linear: {steps: 1000}}
denoiser: empirical
runs:
  few: {sampler: {ddim: {steps: 3}}}
  many: {sampler: {ddim: {steps: 10}}}
film: {size: [320, 240], hold: 0}
"""
LEARNING = """\
dataset: {two-moons: {n: 40}}
schedule: {linear: {steps: 8}}
denoiser: {mlp: {steps: 20}}
sampler: ddim
training: {snapshots: 5}
film: {size: [320, 240], hold: 0}
"""
REGISTRY = load_registry()


def composed(scene: SceneSpec, scratch: Path, times: list[float] | None = None) -> Film:
    """Return the film of the frames at some times; of the end of all runs if None."""
    plans = plan_runs(scene)
    runs = simulated(scene, context(REGISTRY, scratch))
    frames = still_frames(times)(plans, None)
    return compose(scene, runs, frames, REGISTRY)


def scene_of(text: str, *lines: str) -> SceneSpec:
    return parse_scene("\n".join([text, *lines]), "scene.yaml", Path(), REGISTRY)


def words(film: Film) -> list[str]:
    """Return all text of the first frame, without padding."""
    live = iter(film.words[0])
    return [(next(live) if slot.live else slot.text).strip() for slot in film.figure.slots]


@pytest.mark.parametrize(
    ("text", "runs", "times", "heads"),
    [
        # Rows at other times than the first have heads of their own.
        (TWO_CLOCKS, ["many", "few"], [0, 500], ["t = 0", "t = 500", "t = 0", "t = 666.667"]),
        (TWO_CLOCKS, ["many", "few"], [0, 1000], ["t = 0", "t = 1000"]),
        (TWO_CLOCKS, ["few", "few"], [0, 500], ["t = 0", "t = 667"]),
        (LEARNING, ["run", "run"], [0, 20], ["training step 0", "training step 20"]),
    ],
)
def test_a_strip_names_the_times_that_its_rows_show(
    text: str, runs: list[str], times: list[float], heads: list[str], tmp_path: Path
) -> None:
    panels = ", ".join(
        f"{{run: {run}, layers: [{layer}]}}" for run, layer in zip(runs, ("points", "trails"), strict=True)
    )
    scene = scene_of(text, f"panels: [{panels}]")
    film = composed(strip(scene, plan_runs(scene), times, sized=False), tmp_path)
    assert words(film) == [head.replace("666.667", "667") for head in heads]


def test_text_over_a_strip_names_no_moment(tmp_path: Path) -> None:
    """A strip shows several."""
    scene = scene_of(
        TWO_CLOCKS, "title: 't = {t}'", "subtitle: '{run}'", "caption: 'σ = {sigma}'", "panels: [{run: few}]"
    )
    film = composed(strip(scene, plan_runs(scene), [0, 1000], sized=False), tmp_path)
    assert words(film) == ["few", "t = 0", "t = 1000"]


@pytest.mark.parametrize(
    ("panels", "shown"),
    [
        ("[{run: many}, {run: few}]", "many at 500"),
        ("[{run: few}, {run: many}]", "few at 667"),
        ("[{run: many, at: 0}, {run: few}]", "few at 667"),
        ("[{run: many, at: 200}, {run: few, at: 0}]", "many at 200"),
    ],
)
def test_text_over_the_film_is_about_the_first_panel_that_moves(panels: str, shown: str, tmp_path: Path) -> None:
    texts = [f"{key}: '{{run}} at {{t}}'" for key in ("title", "subtitle", "caption")]
    scene = scene_of(TWO_CLOCKS, *texts, f"panels: {panels}")
    film = composed(scene, tmp_path, [500])
    assert [text for text in words(film) if " at " in text] == [shown] * 3
    assert ("t = " + shown.partition(" at ")[2] in words(film)) == (shown != "many at 200")


def test_the_text_layer_and_captions_of_a_fixed_panel_name_its_time(tmp_path: Path) -> None:
    scene = scene_of(TWO_CLOCKS, "panels: [{run: few, at: 500, caption: 'at {t}', layers: [points, {text: 'at {t}'}]}]")
    film = composed(scene, tmp_path, [0])
    drawn = [mark.text for mark in film.drawing(0).marks[0] if hasattr(mark, "text")]
    assert [text.strip() for text in drawn + words(film)] == ["at 667"] * 2


def test_warnings_of_a_strip_name_the_panel_as_written_and_once() -> None:
    panels = "panels:\n- {run: many, layers: [points]}\n- {run: few, layers: [{points: {size: 0.02}}]}"
    scene = scene_of(TWO_CLOCKS, panels)
    plans = plan_runs(scene)
    assert lint(strip(scene, plans, [0, 500, 1000], sized=False), plans) == lint(scene, plans) != ()
