"""The Python functions, where they differ from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from noisereel import api
from noisereel.support.errors import UsageError

SCENE = """\
dataset: {swiss-roll: {n: 60}}
schedule: {linear: {steps: 12}}
sampler: forward
film: {frames: 3, hold: 0, size: [160, 120]}
"""
TRAINED = """\
dataset: {two-moons: {n: 100}}
schedule: {linear: {steps: 12}}
denoiser: {mlp: {width: 8, depth: 1, steps: 2}}
sampler: ddim
"""


def scene_file(folder: Path, text: str) -> Path:
    path = folder / "scene.yaml"
    path.write_text(text)
    return path


def test_weights_stay_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOISEREEL_CACHE", str(tmp_path / "cache"))
    scene = api.load(scene_file(tmp_path, TRAINED))
    (weights,) = api.train(scene)
    assert weights.file.is_relative_to(tmp_path / "cache") and weights.file.stat().st_size > 0
    (copied,) = api.train(scene, tmp_path / "{run}.safetensors")
    assert copied.file.parent == tmp_path
    assert copied.file.read_bytes() == weights.file.read_bytes()


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ([], "no times to show: give one at least, or none at all for the end of the film"),
        ([-1], "cannot show t = -1: times are numbers from 0 to T"),
        ([0, float("nan")], "cannot show t = nan: times are numbers from 0 to T"),
        ([13], "cannot show t = 13: no run reaches it; the last time is t = 12"),
    ],
)
def test_times_that_no_run_reaches(tmp_path: Path, at: list[float], message: str) -> None:
    scene = api.load(scene_file(tmp_path, SCENE))
    with pytest.raises(UsageError) as error:
        api.still(scene, tmp_path / "a.png", at=at)
    assert str(error.value) == message
    assert not (tmp_path / "a.png").exists()
