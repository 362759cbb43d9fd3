"""The film pipeline: determinism, caching, alignment of runs, progress and memory."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from noisereel.film.plan import film_frames
from noisereel.output.files import OutputPath
from noisereel.output.options import RenderOptions
from noisereel.output.render import plan_render, render as render_film
from noisereel.registry.registry import load_registry
from noisereel.scene import parse_scene
from noisereel.simulation.plan import plan_runs
from noisereel.support.progress import Progress
from simulating import context, simulated

AWKWARD = Path(__file__).parents[2] / "awkward.py"
QUIET = Progress(quiet=True)

TOUGH = """
schedule: {linear: {steps: 12, beta_end: 0.8}}
denoiser: {gauss: {s: 0.7}}
metrics: [spread]
runs:
  multi: {sampler: {two-step: {spacing: even-ratio, steps: 6}}}
  again: {sampler: {corrector: {steps: 5}}}
  halved: {sampler: {adaptive: {steps: 4}}}
panels:
  - {run: multi, title: "t = {t}, {spread:.2f}", layers: [pull]}
  - {run: again, layers: [pull, trails]}
  - {run: halved, layers: [field, points]}
"""
"""A scene of all awkward plugins: carry, repeated times, halvings per particle, a probe on a grid, a lowered mark."""


class Counting(Progress):
    """A progress display that records the label, the total and the count of every bar."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.bars: list[list] = []

    @contextmanager
    def bar(self, label: str, total: int) -> Iterator:
        bar = [label, total, 0]
        self.bars.append(bar)

        def advance(n: int) -> None:
            bar[2] += n

        yield advance


def states(text: str, folder: Path) -> dict[str, np.ndarray]:
    """Return every state that the runs of a scene visit."""
    registry = load_registry([AWKWARD])
    scene = parse_scene(text, "test.yaml", folder, registry)
    runs = {name: run.trajectory for name, run in simulated(scene, context(registry, folder)).items()}
    return {name: np.stack([run.series("x", i) for i in run.kept_visits]) for name, run in runs.items()}


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all((a[name] == b[name]).all() for name in a)


class TestDeterminism:
    HEAD = "dataset: {swiss-roll: {n: 90}}\n" + TOUGH

    def test_film_settings_do_not_affect_the_states(self, tmp_path):
        base = states(self.HEAD, tmp_path)
        for film in ("{frames: 3}", "{fps: 50, boomerang: true}", "{size: [64, 64], theme: light, ease: linear}"):
            assert same(base, states(self.HEAD + f"film: {film}\n", tmp_path))

    def test_another_seed_gives_other_states(self, tmp_path):
        base, other = states(self.HEAD, tmp_path), states(self.HEAD + "seed: 1\n", tmp_path)
        assert not any((base[name] == other[name]).any() for name in base)

    def test_high_quality_is_downsampled_from_twice_the_size(self, noisereel, scene, pixels, tmp_path):
        path = scene()
        noisereel("render", path, "-o", "fine-{frame}.png", "-q", "high")
        noisereel("render", path, "-o", "large-{frame}.png", "--size", "320x240")
        noisereel("render", path, "-o", "plain-{frame}.png")
        for frame in (0, 5):
            fine, plain = pixels(tmp_path / f"fine-{frame}.png")[0], pixels(tmp_path / f"plain-{frame}.png")[0]
            large = pixels(tmp_path / f"large-{frame}.png")[0].astype(float)
            mean = (large[::2, ::2] + large[1::2, ::2] + large[::2, 1::2] + large[1::2, 1::2]) / 4
            assert np.abs(fine - mean).max() <= 0.5
            assert np.abs(fine.astype(int) - plain).max() > 1  # it differs from a plain frame

    def test_high_quality_keeps_the_colours_of_transparent_films(self, noisereel, scene, pixels, tmp_path):
        path = scene()
        noisereel("still", path, "-o", "a.png", "-q", "high", "--transparent")
        noisereel("still", path, "-o", "b.png", "-q", "high")
        clear, opaque = pixels(tmp_path / "a.png")[0].astype(float), pixels(tmp_path / "b.png")[0].astype(float)
        share, background = clear[..., 3:] / 255, np.array([0x0F, 0x13, 0x18])
        assert ((share > 0) & (share < 1)).sum() / (share > 0).sum() > 0.2
        assert np.abs(clear[..., :3] * share + background * (1 - share) - opaque[..., :3]).max() <= 4

    @pytest.mark.parametrize(
        "more",
        [["-j", "2"], ["-j", "2", "-q", "high"], pytest.param(["-j", "3", "--no-cache"], marks=pytest.mark.slow)],
    )
    def test_several_processes_draw_the_same_pixels(self, noisereel, scene, pixels, tmp_path, more):
        path = scene(TOUGH, schedule="", sampler="", film="{frames: 7, size: [320, 160], hold: 0}")
        for folder, flags in (("one", [flag for flag in more if flag in ("-q", "high")]), ("more", more)):
            done = noisereel("render", path, "-o", f"{folder}/{{frame}}.png", "--plugin", AWKWARD, *flags)
            assert (done.code, done.err) == (0, "")
        for frame in range(7):
            single, several = (pixels(tmp_path / folder / f"{frame}.png") for folder in ("one", "more"))
            np.testing.assert_array_equal(single, several)
        assert not (pixels(tmp_path / "one/0.png") == pixels(tmp_path / "one/6.png")).all()

    def test_an_observer_does_not_affect_the_film(self, noisereel, scene, plugin, tmp_path):
        noisy = plugin(
            "import torch\n@hookimpl\ndef timestep(run, state):\n    torch.randn(1000)\n    torch.manual_seed(3)\n"
        )
        noisereel("still", scene(), "-o", "a.png", "--no-cache")
        noisereel("still", scene(), "-o", "b.png", "--no-cache", "--plugin", noisy)
        assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


COUNTING = """
import json
LOG = {log!r}
def note(*words):
    with open(LOG, "a") as log:
        print(*words, file=log)
@hookimpl
def run_started(run, cached):
    note("started", run.spec.name, cached)
@hookimpl
def timestep(run, state):
    note("state", state.index)
@hookimpl
def run_finished(run, trajectory):
    note("finished", trajectory.name, len(trajectory))
@hookimpl
def film_finished(path):
    note("film", path, path.exists())
class Mine(Sampler):
    needs = frozenset()
    def step(self, x, t, s, ctx, carry):
        return Step(x + {by})
class Bright(Renderer):
    space = "plane"
    def marks(self, run, moment, ctx):
        yield Points(run.trajectory.series("x", moment.index), "#FFFFFF")
@hookimpl
def register_samplers(register):
    register("mine", Mine)
@hookimpl
def register_renderers(register):
    register("bright", Bright)
"""


class TestCache:
    @pytest.fixture
    def states_of(self, noisereel, plugin, tmp_path):
        """Return a function that renders a scene and returns the number of states simulated."""
        log = tmp_path / "log"

        def count(*arguments: object, by: float = 0.1) -> int:
            log.write_text("")
            path = plugin(COUNTING.replace("{log!r}", repr(str(log))).replace("{by}", str(by)))
            done = noisereel("render", *arguments, "-o", tmp_path / "a.gif", "--plugin", path)
            assert (done.code, done.err) == (0, "")
            return log.read_text().count("state ")

        return count

    def test_observers_see_everything_that_happens(self, states_of, scene, tmp_path):
        path = scene()
        states_of(path)
        assert (tmp_path / "log").read_text().splitlines() == [
            "started run False",
            *(f"state {i}" for i in range(13)),
            "finished run 13",
            f"film {tmp_path / 'a.gif'} True",
        ]
        states_of(path)
        assert (tmp_path / "log").read_text().splitlines() == [
            "started run True",
            "finished run 13",
            f"film {tmp_path / 'a.gif'} True",
        ]

    def test_changes_of_the_picture_do_not_simulate_again(self, states_of, scene):
        path = scene("panels: [{layers: [points]}]\n")
        assert states_of(path) == 13
        assert states_of(path, "--theme", "light", "--size", "128x96", "--set", "film.frames=3") == 0
        assert states_of(path, "--set", "panels.0.layers=[trails, bright]", "--set", "title=Other") == 0
        assert states_of(path, "--set", "metrics=[std, entropy]", "--set", "panels.0.title='{std}'") == 0

    @pytest.mark.parametrize(
        "change", ["seed=1", "schedule.linear.beta_end=0.5", "dataset.swiss-roll.n=121", "particles=60", "start=prior"]
    )
    def test_changes_of_the_states_simulate_again(self, states_of, scene, change):
        path = scene()
        assert (states_of(path), states_of(path)) == (13, 0)
        assert states_of(path, "--set", change) == 13
        assert states_of(path) == 0

    def test_an_edited_plugin_simulates_again(self, states_of, scene):
        path = scene(sampler="mine")
        assert [states_of(path, by=by) for by in (0.1, 0.1, 0.2, 0.1)] == [13, 0, 13, 0]

    def test_an_edited_data_file_simulates_again(self, states_of, scene, tmp_path):
        from PIL import Image

        path = scene(dataset="{image: {path: dot.png, color: grey}}")
        for color, count in ((10, 13), (10, 0), (20, 13), (10, 0)):
            Image.new("L", (4, 4), color).save(tmp_path / "dot.png")
            assert states_of(path) == count

    def test_no_cache_neither_reads_nor_writes(self, states_of, scene, files, tmp_path):
        path = scene()
        assert states_of(path, "--no-cache") == 13
        assert not (tmp_path / "cache").exists()
        assert states_of(path) == 13
        kept = files(tmp_path / "cache")
        assert kept
        assert states_of(path, "--no-cache") == 13
        assert files(tmp_path / "cache") == kept

    @pytest.mark.parametrize("damage", ["x.npy", "index.json", "values.npz"])
    def test_damaged_entries_are_recreated(self, states_of, scene, tmp_path, damage):
        path = scene("metrics: [std]\npanels: [{title: '{std:.3f}'}]\n")
        states_of(path)
        before = (tmp_path / "a.gif").read_bytes()
        (file,) = (tmp_path / "cache").rglob(damage)
        file.write_bytes(file.read_bytes()[:50])
        states_of(path)
        assert (tmp_path / "a.gif").read_bytes() == before
        assert states_of(path) == 0

    def test_cached_values_are_not_measured_again(self, noisereel, scene, plugin, tmp_path):
        log = tmp_path / "measured"
        meter = plugin(f"""
class Meter(Metric):
    gives = ("meter",)
    def measure(self, state, ctx):
        open({str(log)!r}, "a").write("x")
        return {{"meter": state.x.std().numpy()}}
@hookimpl
def register_metrics(register):
    register("meter", Meter)
""")
        path = scene("metrics: [meter]\npanels: [{title: '{meter:.2f}'}]\n")
        for _ in range(2):
            assert noisereel("render", path, "-o", "a.gif", "--plugin", meter).code == 0
            assert len(log.read_text()) == 6
        assert noisereel("render", path, "-o", "a.gif", "--plugin", meter, "--set", "film.frames=13").code == 0
        assert len(log.read_text()) == 13


class TestAlignment:
    def test_runs_aligned_by_calls(self, tmp_path):
        """After n calls, each run shows the visit that n calls lead to: the corrector makes two per step, DDIM one."""
        registry = load_registry([AWKWARD])
        text = """
dataset: {swiss-roll: {n: 50}}
schedule: {linear: {steps: 12, beta_end: 0.3}}
denoiser: gauss
runs: {plain: {sampler: {ddim: {steps: 8}}}, again: {sampler: {corrector: {steps: 4}}}}
panels: [{run: plain, title: "{calls}"}, {run: again, title: "{calls}"}]
film: {frames: 9, align: calls, ease: linear, hold: 0}
"""
        scene = parse_scene(text, "test.yaml", tmp_path, registry)
        plans = plan_runs(scene)
        calls = {name: run.trajectory.calls for name, run in simulated(scene, context(registry, tmp_path)).items()}
        frames = film_frames(scene, plans, calls)
        calls_before = lambda name, index: 0 if index == 0 else calls[name][index - 1]  # noqa: E731
        assert [calls_before("plain", frame.indices["plain"]) for frame in frames] == list(range(9))
        assert [calls_before("again", frame.indices["again"]) for frame in frames] == list(range(9))

    def test_a_film_aligned_by_calls_is_written(self, noisereel, scene, pixels, tmp_path):
        path = scene(
            "denoiser: empirical\nruns: {a: {sampler: {ddim: {steps: 4}}}, b: {sampler: {ddim: {steps: 8}}}}\n"
            "panels: [{run: a, title: 't = {t}'}, {run: b}]\n",
            sampler="",
            film="{frames: 9, align: calls, hold: 0, size: [160, 120]}",
        )
        assert noisereel("render", path, "-o", "a.gif").code == 0
        assert len(pixels(tmp_path / "a.gif")) == 9


def render(scene, paths, options, registry, progress):
    """Render the film once for all outputs."""
    outputs = [OutputPath.parse(str(path), registry) for path in paths]
    plan = plan_render(scene, plan_runs(scene), outputs, registry)
    return render_film(plan, outputs, options, registry, progress)


def bars(text: str, folder: Path, outputs: list[str], workers: int = 1) -> list[list]:
    registry, progress = load_registry(), Counting()
    scene = parse_scene(text, "test.yaml", folder, registry)
    paths = [folder / output for output in outputs]
    done = render(scene, paths, RenderOptions(workers=workers), registry, progress)
    assert done.duration == Fraction(6, 20)
    return progress.bars


class TestProgress:
    SCENE = """
dataset: {swiss-roll: {n: 60}}
schedule: {linear: {steps: 12}}
runs: {there: {sampler: forward}, half: {sampler: {forward: {every: 2}}}}
panels: [{run: there}, {run: half}]
film: {frames: 6, fps: 20, hold: 0, size: [160, 120]}
"""

    @pytest.mark.parametrize(
        "outputs", [["a.gif"], ["a.gif", "a.mp4", "{frame}.png"], ["{step}.svg"], ["{step}.png", "b.gif"]]
    )
    def test_both_bars_reach_their_total(self, tmp_path, outputs):
        total = 6 * len(outputs)
        assert bars(self.SCENE, tmp_path, outputs) == [["simulating", 20, 20], ["filming", total, total]]

    def test_bars_of_boomerangs_and_of_runs_that_start_from_others(self, tmp_path):
        text = self.SCENE.replace("{sampler: {forward: {every: 2}}}", "{sampler: forward, start: {run: there, at: 5}}")
        registry, progress = load_registry(), Counting()
        scene = parse_scene(text.replace("hold: 0", "hold: 0, boomerang: true"), "test.yaml", tmp_path, registry)
        render(scene, [tmp_path / "a.gif"], RenderOptions(), registry, progress)
        assert progress.bars == [["simulating", 13 + 8, 13 + 8], ["filming", 11, 11]]

    def test_cached_runs_count_at_once(self, noisereel, scene, tmp_path):
        registry, path = load_registry(), scene()
        noisereel("render", path, "-o", "a.gif")
        progress = Counting()
        cached = RenderOptions(cache=tmp_path / "cache")
        text = path.read_text()
        parsed = parse_scene(text, "test.yaml", tmp_path, registry)
        done = render(parsed, [tmp_path / "b.gif"], cached, registry, progress)
        assert done.cached
        assert progress.bars == [["simulating", 13, 13], ["filming", 6, 6]]

    def test_a_terminal_shows_two_full_bars(self, noisereel, scene, monkeypatch):
        fcntl, pty, termios = (pytest.importorskip(name) for name in ("fcntl", "pty", "termios"))  # not on Windows
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        read: list[bytes] = []
        reader = threading.Thread(target=lambda: read.extend(iter(lambda: _read(master), b"")))
        reader.start()
        with open(slave, "w", encoding="utf-8") as terminal:  # noqa: PTH123 - a file descriptor
            monkeypatch.setattr(sys, "stderr", terminal)
            done = noisereel("render", scene(), "-o", "a.gif", "--fps", "30")
        reader.join()
        os.close(master)
        shown = b"".join(read).decode()
        assert done.code == 0
        lines = [line.rpartition("\r")[2] for line in shown.split("\r\n")]
        assert lines[0] == "\x1b[33mwarning: a.gif: GIF cannot play 30 fps evenly: use 33.3 or 25\x1b[0m"
        assert [line[:18] for line in lines[1:3]] == ["simulating 100% |█", "   filming 100% |█"]
        assert [" 13/13 " in lines[1], " 6/6 " in lines[2]] == [True, True]

    def test_a_pipe_shows_no_bars(self, noisereel, scene):
        assert noisereel("render", scene(), "-o", "a.gif").err == ""


def _read(master: int) -> bytes:
    try:
        return os.read(master, 4096)
    except OSError:  # the other end is closed
        return b""


PEAK = """
import sys, threading, time
from pathlib import Path
from noisereel.cli import main

def private():
    # Private memory in kilobytes, without libraries: those are shared as soon as another process uses them.
    total, counted = 0, True
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if line[0] in "0123456789abcdef":
            counted = ".so" not in line and "/bin/" not in line
        elif counted and line.startswith("Private_"):
            total += int(line.split()[1])
    return total

def watch():
    global peak
    while True:
        peak = max(peak, private())
        time.sleep(0.03)

peak = 0
threading.Thread(target=watch, daemon=True).start()
try:
    main(sys.argv[1:])
finally:
    print("peak", peak)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux")
@pytest.mark.parametrize("suffix", ["mp4", "gif"])
def test_memory_does_not_grow_with_the_film(tmp_path, suffix):
    """1,000 frames take at most 16 MiB more private memory than 50."""

    def peak(frames: int) -> float:
        words = ["render", "swiss-roll-forward", "-o", f"{frames}.{suffix}", "--size", "640x480", "--no-cache"]
        command = [sys.executable, "-c", PEAK, *words, "--set", f"film.frames={frames}"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
        return int(done.stdout.rsplit("peak", 1)[1]) / 1024

    assert peak(1000) - peak(50) <= 16


@pytest.mark.parametrize("bad", ["nan", "inf", "-inf"])
def test_a_run_whose_particles_are_not_finite_stops_with_its_step(noisereel, scene, plugin, tmp_path, bad):
    lossy = plugin(
        """
import torch
class Lossy(Sampler):
    needs = frozenset()
    bad: str
    def path(self, schedule, start):
        return [0.0, 1.0, 2.0]
    def step(self, x, t, s, ctx, carry):
        return Step(torch.cat([torch.full_like(x[:3], float(self.bad)), x[3:]]) if s.t == 2 else x)
@hookimpl
def register_samplers(register):
    register("lossy", Lossy)
"""
    )
    path = scene(sampler=f"{{lossy: {{bad: {bad}}}}}")
    for command in (("still", path, "-o", "a.png", "--at", "0"), ("render", path, "-o", "a.gif")):
        done = noisereel(*command, "--plugin", lossy)
        assert done.code == 1
        assert done.err.endswith(
            "run 'run': sampler Lossy, step 2 (t = 1 to 2): 3 of 120 particles are NaN or infinite; "
            "try more steps, another spacing or another sampler\n"
        )
    assert not {*tmp_path.glob("a.*")}
    assert torch.is_grad_enabled()


def test_numbers_whose_sum_overflows_are_finite(noisereel, scene, plugin):
    far = plugin(
        """
class Far(Sampler):
    needs = frozenset()
    def path(self, schedule, start):
        return [0.0, 1.0, 2.0]
    def step(self, x, t, s, ctx, carry):
        return Step(x * 0 + 3e38)
@hookimpl
def register_samplers(register):
    register("far", Far)
"""
    )
    assert noisereel("still", scene(sampler="far"), "-o", "a.png", "--plugin", far, "--at", "0").code == 0


@pytest.mark.parametrize(("factor", "warns"), [(50, False), (200, True)])
@pytest.mark.parametrize("last", [0.0, 1.0])
def test_a_reverse_run_that_ends_far_outside_its_data_is_warned_of(noisereel, scene, plugin, factor, warns, last):
    wide = plugin(
        f"""
import math
class Wide(Sampler):
    needs = frozenset()
    def path(self, schedule, start):
        return [2.0, {last}]
    def step(self, x, t, s, ctx, carry):
        centre = ctx.data.x0.mean(0)
        width = math.hypot(s.alpha * (ctx.data.x0 - centre).square().mean().sqrt(), s.sigma)
        return Step(s.alpha * centre + x / x.square().mean().sqrt() * width * {factor})
@hookimpl
def register_samplers(register):
    register("wide", Wide)
"""
    )
    done = noisereel("still", scene(sampler="wide"), "-o", "a.png", "--plugin", wide, "--at", "2")
    assert done.code == 0
    assert done.err == (
        f"warning: run 'run': its particles end 200 times wider than its data, at t = {last:g}: "
        "the sampler diverged; try more steps, another spacing or another sampler\n"
        if warns
        else ""
    )
