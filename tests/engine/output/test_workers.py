"""Drawing processes: the same pixels and errors as in this process, without the classes of plugins."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pytest

from noisereel.contracts.marks import Image, Mark, Points, Polylines
from noisereel.contracts.renderer import Renderer
from noisereel.film.composition import Film, compose
from noisereel.film.plan import film_frames
from noisereel.output.workers import pixels_of
from noisereel.registry import load_registry
from noisereel.scene import parse_scene
from noisereel.simulation.plan import plan_runs
from noisereel.support.errors import NoisereelError
from simulating import context, simulated

posix = pytest.mark.skipif(os.name == "nt", reason="uses signals of POSIX systems")

SCENE = """
dataset: {swiss-roll: {n: 60}}
schedule: {linear: {steps: 12}}
sampler: forward
panels: [{title: 't = {t}, $x_t$'}, {title: still}]
film: {frames: 7, hold: 0, size: [160, 120]}
"""

Composed = Callable[..., Film]


@pytest.fixture
def film_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Composed:
    """Return a function that composes a film of a renderer, which need not be registered."""

    def film(layer: Renderer, *, transparent: bool = False) -> Film:
        monkeypatch.setattr("noisereel.film.composition.panel_layers", lambda *_: (layer,))
        registry = load_registry()
        scene = parse_scene(SCENE, "test.yaml", tmp_path, registry)
        frames = film_frames(scene, plan_runs(scene))
        runs = simulated(scene, context(registry, tmp_path))
        return compose(scene, runs, frames, registry, transparent=transparent)

    return film


def local_renderer() -> Renderer:
    """Return a renderer that no other process could import, nor its marks and colours."""

    class Color(StrEnum):
        ROSE = "#E2607E"

    @dataclass(frozen=True, slots=True, eq=False)
    class Cross(Mark):
        xy: np.ndarray

        def lower(self, view):
            arm = 6 * view.scale * (view.x[1] - view.x[0]) / view.rect.width
            dx, dy = np.array([arm, 0]), np.array([0, arm])
            return [Polylines(tuple(np.stack([p - d, p + d]) for p in self.xy for d in (dx, dy)), Color.ROSE)]

    @dataclass(frozen=True, slots=True, eq=False)
    class Pair(Mark):
        xy: np.ndarray

        def lower(self, view):
            yield Cross(self.xy[:2])
            yield Dots(self.xy, Color.ROSE, size=3)

    class Dots(Points):
        """A mark that canvases draw like those that it is derived from."""

    class Local(Renderer):
        space = "plane"

        def backdrop(self, run, ctx):
            return [Image(np.eye(8, dtype=np.uint8) * 90, (-1, 1, -1, 1)), Cross(np.zeros((1, 2)))]

        def marks(self, run, moment, ctx):
            x = run.trajectory.series("x", moment.index)
            return [Pair(x[:9]), Dots(x[9:], "#FFFFFF")]

    return Local()


class TestSamePixels:
    @pytest.mark.parametrize(
        ("finely", "transparent"), [(False, False), (True, False), pytest.param(True, True, marks=pytest.mark.slow)]
    )
    def test_of_classes_that_other_processes_cannot_import(self, film_of, finely, transparent):
        film, registry = film_of(local_renderer(), transparent=transparent), load_registry()
        here, there = (list(pixels_of(film, registry, workers, finely=finely)) for workers in (1, 2))
        assert len(here) == len(there) == 7
        assert all((a == b).all() for a, b in zip(here, there, strict=True))
        assert len({frame.tobytes() for frame in there}) == 7  # in particular, none is empty
        assert there[0].shape == (120, 160, 4 if transparent else 3)

    def test_with_more_processes_than_frames(self, film_of):
        film = film_of(local_renderer())
        assert len(list(pixels_of(film, load_registry(), 9))) == 7

    def test_closing_ends_the_processes(self, film_of):
        with closing(pixels_of(film_of(local_renderer()), load_registry(), 2)) as frames:
            next(frames)
            assert len(active_children()) == 2
        assert active_children() == []


class Failing(Renderer):
    space = "plane"
    where: str = ""

    def backdrop(self, run, ctx):
        return [Bad("backdrop")] if self.where == "backdrop" else []

    def marks(self, run, moment, ctx):
        if moment.index > 4:
            if self.where == "marks":
                raise RuntimeError("no marks")
            if self.where == "lower":
                yield Bad("frame")
            if self.where == "abstract":
                yield Mark()
            if self.where == "canvas":
                yield Points(np.zeros((3, 2)), "no colour")


@dataclass(frozen=True, slots=True, eq=False)
class Bad(Mark):
    what: str

    def lower(self, view):
        raise KeyError(self.what)


@pytest.mark.parametrize("where", ["backdrop", "marks", "lower", "abstract", "canvas"])
def test_errors_are_the_same(film_of, where):
    film, registry = film_of(Failing(where=where)), load_registry()
    errors = []
    for workers in (1, 2):
        with pytest.raises(Exception) as caught:
            list(pixels_of(film, registry, workers))
        errors.append((caught.type, str(caught.value)))
    assert errors[0] == errors[1]
    assert active_children() == []


class Deadly(Renderer):
    """Kills the drawing processes in the middle of the film."""

    space = "plane"

    def marks(self, run, moment, ctx):
        if moment.index > 8:
            for process in active_children():
                process.kill()
        yield Points(run.trajectory.series("x", moment.index), "#FFFFFF")


def test_a_killed_process_is_one_line(film_of):
    film, registry = film_of(Deadly()), load_registry()
    message = r"^a drawing process died, perhaps out of memory: try fewer \(-j\)$"
    with pytest.raises(NoisereelError, match=message):
        list(pixels_of(film, registry, 2))
    assert active_children() == []


SCRIPT = """
from pathlib import Path
from noisereel import api

print("running")
scene = api.load("scene.yaml")
for name in ("a.gif", "b.gif"):
    api.render(scene, name, cache=False, workers=2)
assert Path("a.gif").read_bytes() == Path("b.gif").read_bytes()
import __main__
assert __main__.scene is scene
"""


def run_script(body: str, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a Python script in a session of its own."""
    (folder / "script.py").write_text(body)
    return subprocess.run(
        [sys.executable, *(command or ("script.py",))], cwd=folder, input=body, capture_output=True, text=True,
        check=False, start_new_session=True, timeout=100,
    )  # fmt: skip


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "command", [["script.py"], pytest.param(["-m", "script"], marks=SLOW), pytest.param(["-"], marks=SLOW)]
)
def test_a_script_is_not_run_again_by_its_drawing_processes(scene, tmp_path, command):
    """Neither is a notebook, whose main module is not a file."""
    scene()
    done = run_script(SCRIPT, tmp_path, *command)
    assert (done.returncode, done.stdout, done.stderr) == (0, "running\n", "")


INTERRUPTED = """
import os, signal, threading, time
from multiprocessing import active_children
from pathlib import Path
from noisereel import api

signal.signal(signal.SIGINT, signal.default_int_handler)
scene = api.load("long.yaml")
def interrupt():
    while len(active_children()) < 2:
        time.sleep(0.01)
    time.sleep(DELAY)
    os.killpg(0, signal.SIGINT)
threading.Thread(target=interrupt).start()
try:
    api.render(scene, "a.gif", cache=False, workers=2)
except KeyboardInterrupt:
    print("interrupted")
assert active_children() == []
assert not [path for path in Path().iterdir() if path.name.startswith(".")]
api.render(api.load("scene.yaml"), "b.gif", cache=False, workers=2)
"""


@posix
@pytest.mark.parametrize("delay", [0.0, 1.5])
def test_a_session_goes_on_after_ctrl_c(scene, tmp_path, delay):
    """While processes start, and while they draw."""
    scene(), scene(name="long.yaml", film="{frames: 3000, size: [320, 240]}")
    done = run_script(INTERRUPTED.replace("DELAY", str(delay)), tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n", "")
    assert (tmp_path / "b.gif").exists() and not (tmp_path / "a.gif").exists()
