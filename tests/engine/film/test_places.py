"""Problems found after loading have a line and column, even where the value was not written."""

from __future__ import annotations

from pathlib import Path

import pytest

from noisereel.api import validate
from noisereel.registry import load_registry
from noisereel.scene import parse_scene
from noisereel.support.errors import SceneError

SCENE = "dataset: {swiss-roll: {n: 20}}\nschedule: {linear: {steps: 4}}\nsampler: forward\n"
MANY = f"panels: [{{repeat: {{at: {[0] * 400}}}, layers: [{{curve: signal}}]}}]\n"
WIDE = "have no room for 20 × 20 panels (rows × columns): make the film larger or show fewer panels"
INSET = "panels: [{name: a}, {inset: {panel: a, size: 0.05}}]\n"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (MANY, f"s.yaml:1:1: film.size: 1280×720 pixels {WIDE}"),
        ("film: {fps: 20}\n" + MANY, f"s.yaml:4:7: film.size: 1280×720 pixels {WIDE}"),
        ("film: {size: [320, 240]}\n" + MANY, f"s.yaml:4:14: film.size: 320×240 pixels {WIDE}"),
        (INSET, "s.yaml:1:1: film.size: an inset of 58×32 pixels has no room for a panel: make it or the film larger"),
        ("film:\n  size: [20, 20]\n", "s.yaml:5:9: film.size: 20x20 is too small for text; the minimum is about 64x48"),
    ],
)
def test_too_little_room_is_reported_at_the_film(more: str, expected: str) -> None:
    with pytest.raises(SceneError) as error:
        validate(parse_scene(SCENE + more, "s.yaml", Path(), load_registry()))
    assert str(error.value) == expected
