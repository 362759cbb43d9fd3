"""Failures: one clear line, the right exit code, no partial files, and existing files untouched."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from noisereel.registry.registry import load_registry

AWKWARD = Path(__file__).parents[2] / "awkward.py"
posix = pytest.mark.skipif(os.name == "nt", reason="uses mounts, limits and signals of POSIX systems")


class TestInput:
    def test_an_unreadable_image(self, noisereel, scene, tmp_path):
        (tmp_path / "dot.png").write_bytes(b"no picture")
        path = scene(dataset="{image: dot.png}")
        message = f"{tmp_path}/dot.png: not a picture in a format that can be read (BMP, GIF, JPEG, PNG, TIFF, WEBP)"
        assert noisereel("render", path, "-o", "a.gif") == (2, "", f"{path}:1:10: dataset: {message}\n")

    def test_a_missing_image(self, noisereel, scene, tmp_path):
        path = scene(dataset="{image: nowhere.png}")
        message = f"{path}:1:10: dataset: {tmp_path}/nowhere.png: No such file or directory\n"
        assert noisereel("render", path, "-o", "a.gif") == (2, "", message)

    def test_an_empty_data_set(self, noisereel, scene, plugin):
        path = scene(dataset="nothing")
        empty = plugin("""
import torch
class Nothing(Dataset):
    def load(self, ctx):
        return Data(torch.zeros(0, 2))
@hookimpl
def register_datasets(register):
    register("nothing", Nothing)
""")
        message = f"{path}:1:10: dataset: the data set is empty: it needs at least one sample\n"
        assert noisereel("render", path, "-o", "a.gif", "--plugin", empty) == (2, "", message)

    def test_a_schedule_whose_snr_rises(self, noisereel, scene, plugin):
        path = scene(schedule="upwards")
        rising = plugin("""
class Upwards(Schedule):
    @property
    def T(self):
        return 10.0
    def at(self, t):
        return Level(t, 1.0, 0.0 if t == 0 else 2 - t / 10)
@hookimpl
def register_schedules(register):
    register("upwards", Upwards)
""")
        done = noisereel("render", path, "-o", "a.gif", "--plugin", rising)
        assert (done.code, done.out) == (2, "")
        message = "the signal-to-noise ratio must never rise, but does from t = 1 to t = 2"
        assert done.err == f"{path}:2:11: schedule.upwards: {message}\n"

    def test_zero_steps(self, noisereel, scene):
        path = scene(schedule="{linear: {steps: 0}}")
        message = f"{path}:2:28: schedule.linear.steps: must be between 1 and 1,000,000, got 0\n"
        assert noisereel("render", path, "-o", "a.gif") == (2, "", message)

    @pytest.mark.parametrize("command", ["validate", "render"])
    def test_more_particles_than_fit_into_memory(self, noisereel, scene, tmp_path, command):
        path = scene("particles: 1000000000\n")
        done = noisereel(command, path, *(["-o", "a.gif"] if command == "render" else []))
        assert (done.code, done.out) == (2, "")
        expected = rf"{path}:\d+:12: particles: 1,000,000,000 particles need about 104 GiB of memory, but only \d+ GiB"
        assert re.match(expected, done.err)
        assert not (tmp_path / "a.gif").exists()


class TestOutput:
    @pytest.mark.parametrize("output", ["/dev/null/x/a.gif", "{tmp}/scene.yaml/a.gif"])
    def test_a_folder_that_cannot_exist(self, noisereel, scene, plugin, tmp_path, output):
        output = output.replace("{tmp}", str(tmp_path))
        path = scene()
        done = noisereel("render", path, "-o", output)
        assert done == (1, "", f"cannot write {output}: Not a directory\n")
        assert [p.name for p in tmp_path.iterdir()] == ["scene.yaml"]  # nothing was simulated first

    def test_a_folder_with_the_name_of_the_file(self, noisereel, scene, tmp_path):
        (tmp_path / "a.gif").mkdir()
        message = "a.gif: is a folder; name a file in it, such as a.gif/film.gif\n"
        assert noisereel("render", scene(), "-o", "a.gif") == (2, "", message)

    @pytest.mark.parametrize("names", [["a.gif"], ["a.mp4"], ["{frame}.png"], ["a.gif", "a.mp4", "{frame}.svg"]])
    def test_a_layer_that_fails_halfway_leaves_all_files_unchanged(
        self, noisereel, scene, plugin, files, tmp_path, names
    ):
        late = plugin(FAULTY)
        path = scene("panels: [{layers: [{faulty: {where: late}}]}]\n")
        (tmp_path / "a.gif").write_bytes(b"earlier")
        before = files(tmp_path)
        done = noisereel("render", path, *(f"-o{name}" for name in names), "--plugin", late, "--no-cache")
        assert done == (1, "", "renderer Faulty (marks, frame 4): RuntimeError: late\n")
        assert files(tmp_path) == before


TEMPLATE = """
from contextlib import contextmanager
from noisereel.contracts.geometry import Box
from noisereel.contracts.writer import Writer
def fail(where, place):
    if where == place:
        raise RuntimeError(place)
class Faulty(Renderer):
    space = "plane"
    where: str = ""
    def extent(self, run):
        fail(self.where, "extent")
        return Box((-1, 1), (-1, 1))
    def probes(self, ctx):
        fail(self.where, "probes")
        return []
    def backdrop(self, run, ctx):
        fail(self.where, "backdrop")
        return []
    def guide(self, run, ctx):
        fail(self.where, "guide")
    def marks(self, run, moment, ctx):
        fail(self.where, "marks")
        if moment.fraction > 0.7:
            fail(self.where, "late")
        yield Points(run.trajectory.series("x", moment.index), "#FFFFFF")
        fail(self.where, "after")
class Meter(Metric):
    gives = ("meter",)
    def measure(self, state, ctx):
        raise ValueError("the meter is broken")
class Stuck(Sampler):
    needs = frozenset()
    def step(self, x, t, s, ctx, carry):
        if s.t < 5:
            raise ZeroDivisionError("no more")
        return Step(x)
class Sink:
    def __init__(self, where):
        self.where = where
    def write(self, frame):
        fail(self.where, "write")
class Odd(Writer):
    where = "WHERE"
    @contextmanager
    def open(self, spec):
        fail("WHERE", "open")
        spec.path.write_text("half")
        yield Sink("WHERE")
        fail("WHERE", "close")
@hookimpl
def register_renderers(register):
    register("faulty", Faulty)
@hookimpl
def register_metrics(register):
    register("meter", Meter)
@hookimpl
def register_samplers(register):
    register("stuck", Stuck)
@hookimpl
def register_writers(register):
    register("odd", Odd)
@hookimpl
def HOOK(OF):
    fail("WHERE", "HOOK")
"""


def faulty(where: str = "", hook: str = "run_started", of: str = "run, cached") -> str:
    return TEMPLATE.replace('    where = "WHERE"\n', "").replace("WHERE", where).replace("HOOK", hook).replace("OF", of)


FAULTY = faulty()
TREE = ["a.gif", "mine.py", "scene.yaml"]


class TestPlugins:
    @pytest.fixture
    def render(self, noisereel, scene, plugin, tmp_path):
        """Return a function that renders over an earlier film with a failing plugin, and returns the message."""

        def render_message(more: str, body: str = FAULTY, *flags: str, **changes: str) -> str:
            (tmp_path / "a.gif").write_bytes(b"earlier")
            path = scene(more, **changes)
            done = noisereel("render", path, "-o", "a.gif", "--plugin", plugin(body), "--no-cache", *flags)
            assert (done.code, done.out) == (1, "")
            assert (tmp_path / "a.gif").read_bytes() == b"earlier"
            assert sorted(p.name for p in tmp_path.iterdir() if p.name != "__pycache__") == TREE
            return done.err

        return render_message

    @pytest.mark.parametrize(
        ("where", "method"),
        [("extent", "extent"), ("guide", "guide"), ("probes", "backdrop"), ("backdrop", "backdrop"),
         ("marks", "marks, frame 0"), ("after", "marks, frame 0")],
    )  # fmt: skip
    def test_a_renderer(self, render, where, method):
        message = render(f"panels: [{{layers: [{{faulty: {{where: {where}}}}}]}}]\n")
        assert message == f"renderer Faulty ({method}): RuntimeError: {where}\n"

    def test_a_renderer_in_another_process(self, render):
        message = render(
            "panels: [{layers: [{faulty: {where: late}}]}]\n", FAULTY, "-j", "2", "--set", "film.frames=40"
        )
        assert message.startswith("renderer Faulty (marks, frame ") and message.endswith("): RuntimeError: late\n")

    def test_a_metric(self, render):
        message = render("metrics: [meter]\npanels: [{title: '{meter}'}]\n")
        assert message == "metric Meter (run 'run', t = 0): the meter is broken\n"

    def test_a_sampler(self, render):
        assert render("", sampler="stuck") == "sampler Stuck (t = 5 to 4): ZeroDivisionError: no more\n"

    @pytest.mark.parametrize(
        ("hook", "of"),
        [("run_started", "run, cached"), ("timestep", "run, state"), ("run_finished", "run, trajectory")],
    )
    def test_an_observer(self, render, hook, of):
        message = render("", faulty(hook, hook, of))
        assert message.startswith("plugin '") and message.endswith(f".py' ({hook}): RuntimeError: {hook}\n")

    @pytest.mark.parametrize(("where", "method"), [("open", "open"), ("write", "frame 0"), ("close", "close")])
    def test_a_writer(self, render, where, method):
        assert render("", faulty(where), "-o", "b.odd") == f"writer Odd ({method}): RuntimeError: {where}\n"

    def test_verbose_shows_the_traceback(self, render):
        message = render("panels: [{layers: [{faulty: {where: marks}}]}]\n", FAULTY, "-v")
        assert message.startswith("Traceback (most recent call last):\n")
        assert 'fail(self.where, "marks")' in message and "\nRuntimeError: marks\n" in message
        assert message.endswith(
            "noisereel.support.errors.PluginError: renderer Faulty (marks, frame 0): RuntimeError: marks\n"
        )

    def test_a_layer_of_a_plugin_file(self, noisereel, scene):
        done = noisereel("render", scene("panels: [{layers: [broken]}]\n"), "-o", "a.gif", "--plugin", AWKWARD)
        assert done == (1, "", "renderer Broken (marks, frame 0): RuntimeError: no marks today\n")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 300 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("cannot mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@posix
class TestFullDisk:
    """A full disk: a real one if it can be mounted, and a limit on the size of files."""

    @pytest.mark.parametrize("name", ["film.gif", "film.mp4", "{frame}.png", "{frame}.pdf", "{frame}.svg"])
    def test_for_the_film(self, noisereel, scene, small_disk, name):
        (small_disk / "earlier").write_bytes(b"x" * 250_000)
        path = scene(dataset="{swiss-roll: {n: 5000}}", film="{frames: 60, size: [640, 480]}")
        done = noisereel("render", path, "-o", small_disk / name)
        assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
        assert done.err.startswith(f"cannot write {small_disk}/")
        assert done.err.endswith(": No space left on device\n")
        assert [p.name for p in small_disk.iterdir()] == ["earlier"]

    def test_for_the_cache(self, noisereel, scene, small_disk, monkeypatch, tmp_path):
        monkeypatch.setenv("NOISEREEL_CACHE", str(small_disk))
        done = noisereel("render", scene(), "-o", "a.gif")
        message = f"simulated runs are not kept: cannot write to {small_disk}/runs: No space left on device"
        assert (done.code, done.err) == (0, f"warning: {message}\n")
        assert (tmp_path / "a.gif").stat().st_size > 1000
        assert [*(small_disk / "runs").iterdir()] == []

    @pytest.mark.parametrize(("more", "big"), [([], False), (["-j", "2"], False), ([], True)])
    def test_without_a_folder_for_trajectories(self, noisereel, scene, monkeypatch, tmp_path, more, big):
        """Without any folder, a trajectory that fits into memory is fine; a larger one is a one-line error."""
        monkeypatch.setenv("NOISEREEL_CACHE", "/dev/null/cache")
        monkeypatch.setattr("noisereel.support.files.tempfile.gettempdir", lambda: "/dev/null/tmp")
        if big:
            monkeypatch.setattr("noisereel.simulation.recording.MEMORY_BUDGET", 1000)
        done = noisereel("render", scene(), "-o", "a.gif", *more)
        warning = "warning: simulated runs are not kept: cannot write to /dev/null/cache/runs: Not a directory\n"
        assert done.err.startswith(warning)
        if big:
            assert done.code == 1
            line = done.err.removeprefix(warning)
            message = "run 'run': no room for its record of 25.0 kB: cannot write to /dev/null/tmp/noisereel-"
            assert line.startswith(message)
            assert line.endswith(": Not a directory\n")
        else:
            assert (done.code, done.err) == (0, warning)
        assert (tmp_path / "a.gif").exists() == (done.code == 0)

    def test_with_a_limit_on_files(self, scene, tmp_path):
        """The limit applies to the trajectory first, then to the film; it is set on a process of its own."""
        path = scene(film="{frames: 30, size: [640, 480]}")
        code = (
            "import resource, sys; from noisereel.cli import main\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))\n"
            "main(sys.argv[1:])"
        )
        (tmp_path / "a.gif").write_bytes(b"earlier")
        env = {**os.environ, "NOISEREEL_CACHE": str(tmp_path / "cache")}
        command = [sys.executable, "-c", code, "render", str(path), "-o", "a.gif"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env, check=False)
        warning = f"simulated runs are not kept: cannot write to {tmp_path}/cache/runs: File too large"
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"warning: {warning}\ncannot write a.gif: File too large\n"
        assert (tmp_path / "a.gif").read_bytes() == b"earlier"
        assert [*(tmp_path / "cache/runs").iterdir()] == []
        assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]

    def test_a_read_only_cache_is_read(self, noisereel, scene, monkeypatch, tmp_path):
        noisereel("still", scene(), "-o", "a.png")
        disk = tmp_path / "disk"
        disk.mkdir()
        for command in (["--bind", str(tmp_path / "cache"), str(disk)], ["-o", "remount,ro,bind", str(disk)]):
            if subprocess.run(["mount", *command], capture_output=True, check=False).returncode:
                pytest.skip("cannot mount a folder")
        try:
            monkeypatch.setenv("NOISEREEL_CACHE", str(disk))
            done = noisereel("still", scene(), "-o", "b.png")
            other = noisereel("still", scene(), "-o", "c.png", "--seed", "1")
        finally:
            subprocess.run(["umount", str(disk)], check=True)
        assert (done.code, done.err) == (0, "") and "simulation cached" in done.out
        message = f"simulated runs are not kept: cannot write to {disk}/runs: Read-only file system"
        assert (other.code, other.err) == (0, f"warning: {message}\n")


SLOW = """
import time
LOG = {log!r}
def note():
    with open(LOG, "a") as log:
        log.write("x")
    time.sleep(0.05)
class Slow(Sampler):
    needs = frozenset()
    def path(self, schedule, start):
        return [i / 100 for i in range(1201)]
    def step(self, x, t, s, ctx, carry):
        note()
        return Step(x)
class Tardy(Renderer):
    space = "plane"
    def marks(self, run, moment, ctx):
        note()
        yield Points(run.trajectory.series("x", moment.index), "#FFFFFF")
@hookimpl
def register_samplers(register):
    register("slow", Slow)
@hookimpl
def register_renderers(register):
    register("tardy", Tardy)
"""

SIMULATING = {"sampler": "slow"}
DRAWING = {"film": "{frames: 2000, size: [160, 120]}"}


def _obey_ctrl_c() -> None:
    """Restore the child's handling of Ctrl-C, which is ignored if the tests themselves run in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@posix
class TestInterrupted:
    @pytest.fixture
    def interrupted(self, scene, plugin, files, tmp_path) -> Callable[..., None]:
        """Return a function that interrupts a render in the middle, and checks that nothing is left of it."""

        def render_and_interrupt(
            number: int, changes: dict[str, str], *flags: str, group: bool = True, more: str = ""
        ) -> None:
            log = tmp_path / "log"
            log.write_text("")
            path = scene(more, **changes)
            slow = plugin(SLOW.replace("{log!r}", repr(str(log))))
            (tmp_path / "a.gif").write_bytes(b"earlier")
            (tmp_path / "tmp").mkdir()
            before = files(tmp_path)
            command = [sys.executable, "-m", "noisereel", "render", str(path), "-o", "a.gif", "-o", "b.mp4"]
            env = {**os.environ, "NOISEREEL_CACHE": str(tmp_path / "cache"), "TMPDIR": str(tmp_path / "tmp")}
            process = subprocess.Popen(
                [*command, "--plugin", str(slow), *flags],
                cwd=tmp_path, env=env, start_new_session=True,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=_obey_ctrl_c,
            )  # fmt: skip
            _wait_for(lambda: len(log.read_text()) > 20, process)
            (os.killpg if group else os.kill)(process.pid, number)
            out, err = process.communicate(timeout=60)
            assert (process.returncode, out, err.strip()) == (130, "", "interrupted")
            _wait_for(lambda: _members(process.pid) == [], None)  # multiprocessing's own helper ends last
            left = files(tmp_path)
            kept = {name for name in left if name.startswith("cache/runs/")}
            assert not any("/." in name for name in kept)
            assert bool(kept) == (changes is DRAWING and "--no-cache" not in flags)
            assert {name: left[name] for name in left if name not in kept and name != "log"} == {
                name: before[name] for name in before if name != "log"
            }
            assert [*(tmp_path / "tmp").iterdir()] == []

        return render_and_interrupt

    def test_while_simulating(self, interrupted):
        interrupted(signal.SIGINT, SIMULATING)

    def test_while_several_processes_draw(self, interrupted):
        """Ctrl-C reaches all of them."""
        interrupted(signal.SIGINT, DRAWING, "-j", "2", more="panels: [{layers: [tardy]}]\n")

    @pytest.mark.slow
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    @pytest.mark.parametrize("flags", [[], ["-j", "2"], ["-j", "2", "--no-cache"]], ids=" ".join)
    @pytest.mark.parametrize("group", [True, False])
    def test_while_drawing(self, interrupted, number, flags, group):
        interrupted(number, DRAWING, *flags, group=group, more="panels: [{layers: [tardy]}]\n")

    @pytest.mark.slow
    def test_sigterm_while_simulating(self, interrupted):
        interrupted(signal.SIGTERM, SIMULATING, "--no-cache")

    @pytest.mark.slow
    def test_sigkill_leaves_no_process_behind(self, scene, plugin, tmp_path):
        log = tmp_path / "log"
        log.write_text("")
        path = scene("panels: [{layers: [tardy]}]\n", **DRAWING)
        slow = plugin(SLOW.replace("{log!r}", repr(str(log))))
        command = [sys.executable, "-m", "noisereel", "render", str(path), "-o", "a.gif", "-j", "2"]
        env = {**os.environ, "NOISEREEL_CACHE": str(tmp_path / "cache")}
        process = subprocess.Popen(
            [*command, "--plugin", str(slow)], cwd=tmp_path, env=env, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        _wait_for(lambda: len(log.read_text()) > 20, process)
        process.kill()
        process.wait()
        _wait_for(lambda: _members(process.pid) == [], None)


def _wait_for(condition: Callable[[], bool], process: subprocess.Popen[str] | None) -> None:
    deadline = time.monotonic() + (90 if process else 10)
    while not condition():
        if process is not None:
            assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _members(session: int) -> list[int]:
    """Return the processes of a session that are still running."""
    processes = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, owner = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(owner) == session and state != "Z":
            processes.append(int(folder.name))
    return processes


def test_a_drawing_process_that_dies_is_one_line(noisereel, scene, plugin, tmp_path):
    deadly = plugin("""
from multiprocessing import active_children
class Deadly(Renderer):
    space = "plane"
    def marks(self, run, moment, ctx):
        if moment.index > 4:
            for process in active_children():
                process.kill()
        return []
@hookimpl
def register_renderers(register):
    register("deadly", Deadly)
""")
    done = noisereel(
        "render", scene("panels: [{layers: [deadly]}]\n"), "-o", "{frame}.png", "--plugin", deadly, "-j", "2"
    )
    assert done == (1, "", "a drawing process died, perhaps out of memory: try fewer (-j)\n")
    assert load_registry().names("writer")
