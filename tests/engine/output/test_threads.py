"""Several threads that render at the same time: every file is the same as if they had rendered one after the other."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from noisereel import api
from noisereel.support.threads import settle, threads

SCENE = """
title: Scene {i}
dataset: {{swiss-roll: {{n: {n}}}}}
schedule: {{linear: {{steps: 12}}}}
denoiser: empirical
sampler: {{ddim: {{steps: 6}}}}
metrics: [entropy]
panels:
  - title: t = {{t}}, $\\sigma_{i}$ {{entropy:.2f}}
    layers: [trails, points, {{text: {{words: $x_{i}$}}}}]
film: {{frames: 6, hold: 0, size: [{width}, 120]}}
"""


@pytest.fixture
def eager() -> Iterator[None]:
    """Let threads take turns as often as possible, and torch have two of its own."""
    interval, count = sys.getswitchinterval(), torch.get_num_threads()
    sys.setswitchinterval(1e-5)
    torch.set_num_threads(2)
    yield
    sys.setswitchinterval(interval)
    torch.set_num_threads(count)


@pytest.fixture
def render(tmp_path: Path, eager: None):
    """Return a function that renders a scene into a folder, and returns the files' contents."""

    def render_scene(i: int, name: str, cache: Path | None = None) -> dict[str, bytes]:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "scene.yaml").write_text(SCENE.format(i=i, n=60 + i, width=160 + 16 * i))
        outputs = [folder / output for output in ("a.gif", "{frame}.png", "{step}.svg")]
        api.render(api.load(folder / "scene.yaml"), *outputs, cache=cache or False)
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    return render_scene


@pytest.mark.parametrize("same", [False, True], ids=["different scenes", "one scene"])
def test_renders_in_threads_give_the_same_files(render, tmp_path, same):
    scenes = [0 if same else i for i in range(4)]
    expected = {i: render(i, f"alone-{i}") for i in set(scenes)}
    assert all(len(files) == 1 + 1 + 6 + 7 for files in expected.values())
    with ThreadPoolExecutor(4) as pool:
        for number in range(2):
            cache = tmp_path / f"cache-{number}"  # which all of them write at the same time
            names = [f"{number}-{turn}" for turn in range(4)]
            for i, files in zip(scenes, pool.map(render, scenes, names, [cache] * 4), strict=True):
                assert files == expected[i]
            assert not [path for path in tmp_path.rglob("*") if ".part" in path.name]


def test_the_last_of_several_renders_to_one_file_wins(render, tmp_path):
    expected = [render(i, f"alone-{i}")["a.gif"] for i in range(4)]
    scenes = [api.load(tmp_path / f"alone-{i}" / "scene.yaml") for i in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(2):
            list(pool.map(lambda scene: api.render(scene, tmp_path / "a.gif", cache=False), scenes))
            assert (tmp_path / "a.gif").read_bytes() in expected
    assert not [path for path in tmp_path.iterdir() if ".part" in path.name]


def test_a_thread_that_starts_later_has_the_usual_count(eager):
    counts: list[int] = []

    def note() -> None:
        settle()
        counts.append(torch.get_num_threads())

    with threads(1):
        other = threading.Thread(target=note)
        other.start()
        other.join()
        assert torch.get_num_threads() == 1
    assert (counts, torch.get_num_threads()) == ([2], 2)
