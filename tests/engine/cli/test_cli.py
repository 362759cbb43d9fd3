"""The command line: every command and flag, with its output and exit code."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import av
import numpy as np
import pytest

from noisereel.support.version import __version__

GALLERY = sorted(path.stem for path in (Path(__file__).parents[3] / "scenes").glob("*.yaml"))
SVG = "{http://www.w3.org/2000/svg}"


def printed(done) -> str:
    """Return what a command printed, with the figures that vary between runs and machines replaced."""
    text = re.sub(r"simulated in [\d.]+ s", "simulated in S s", done.out)
    text = re.sub(r"filmed in [\d.]+ s", "filmed in S s", text)
    return re.sub(r"[\d.]+ [kM]B", "SIZE", text)


def video(path: Path) -> tuple[int, tuple[int, int], float]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return sum(1 for _ in container.decode(video=0)), (stream.width, stream.height), float(stream.average_rate)


class TestRender:
    def test_several_formats_come_from_one_drawing(self, noisereel, scene, plugin, pixels, tmp_path):
        log = tmp_path / "drawn"
        watching = plugin(
            f"""
class Watching(Renderer):
    space = "plane"
    def marks(self, run, moment, ctx):
        with open({str(log)!r}, "a") as log:
            log.write("x")
        yield Points(run.trajectory.series("x", moment.index), "#5AB0F2")
@hookimpl
def register_renderers(register):
    register("watching", Watching)
"""
        )
        path = scene("panels: [{layers: [watching]}]\n")
        done = noisereel("render", path, "-o", "a.mp4", "-o", "b.gif", "--plugin", watching)
        assert (done.code, done.err) == (0, "")
        assert printed(done) == ("a.mp4, b.gif  (6 frames, 0.3 s, 160x120, SIZE; simulated in S s, filmed in S s)\n")
        assert pixels(tmp_path / "b.gif").shape == (6, 120, 160, 4)
        assert video(tmp_path / "a.mp4") == (6, (160, 120), 20.0)
        assert len(log.read_text()) == 6 + 6  # once for the film, and once for the GIF's palette

    def test_the_default_folder_is_renders(self, noisereel, scene, tmp_path):
        assert noisereel("render", scene(), "--quiet").code == 0
        assert noisereel("still", scene(), "--quiet").code == 0
        assert sorted(p.name for p in (tmp_path / "renders").iterdir()) == ["scene.gif", "scene.png"]

    def test_one_file_per_frame(self, noisereel, scene, pixels, tmp_path):
        done = noisereel("render", scene(), "-o", "f/{frame:02d}.png")
        assert printed(done) == ("f/00.png … f/05.png  (6 pictures, 160x120, SIZE; simulated in S s, filmed in S s)\n")
        assert sorted(p.name for p in (tmp_path / "f").iterdir()) == [f"{i:02d}.png" for i in range(6)]
        assert not (pixels(tmp_path / "f/00.png") == pixels(tmp_path / "f/05.png")).all()

    def test_one_file_per_visit_together_with_a_film(self, noisereel, scene, tmp_path):
        done = noisereel("render", scene(), "-o", "v/{step:02d}.svg", "-o", "film.gif")
        assert printed(done).splitlines() == [
            "film.gif  (6 frames, 0.3 s, 160x120, SIZE; simulated in S s, filmed in S s)",
            "v/00.svg … v/12.svg  (13 pictures, 160x120, SIZE; simulation cached, filmed in S s)",
        ]
        drawings = sorted((tmp_path / "v").iterdir())
        assert [p.name for p in drawings] == [f"{i:02d}.svg" for i in range(13)]
        assert {ElementTree.parse(p).getroot().tag for p in drawings} == {f"{SVG}svg"}
        assert len({p.read_text().partition("<g")[2] for p in drawings}) == 13

    @pytest.mark.slow
    def test_one_drawing_per_visit_of_the_datasaurus(self, noisereel, tmp_path):
        done = noisereel("render", "datasaurus-forward", "-o", "frames/{step:03d}.svg", "--size", "320x180")
        assert (done.code, done.err) == (0, "")
        drawings = sorted((tmp_path / "frames").iterdir())
        assert [p.name for p in drawings] == [f"{i:03d}.svg" for i in range(51)]
        assert {ElementTree.parse(p).getroot().tag for p in drawings} == {f"{SVG}svg"}

    def test_flags_change_the_scene(self, noisereel, scene, pixels, tmp_path):
        base = scene()
        noisereel("render", base, "-o", "a.gif")
        flags = ["--size", "128x96", "--fps", "10", "--theme", "light", "--set", "film.frames=3"]
        done = noisereel("render", base, "-o", "b.gif", *flags)
        assert printed(done) == "b.gif  (3 frames, 0.3 s, 128x96, SIZE; simulation cached, filmed in S s)\n"
        dark, light = pixels(tmp_path / "a.gif"), pixels(tmp_path / "b.gif")
        assert light.shape == (3, 96, 128, 4)
        assert dark[..., :3].mean() < 60 and light[..., :3].mean() > 180

    def test_another_seed_is_another_film(self, noisereel, scene, tmp_path):
        for name, seed in (("a", 1), ("b", 1), ("c", 2)):
            noisereel("still", scene(), "-o", f"{name}.svg", "--seed", seed)
        first, repeated, other = ((tmp_path / f"{name}.svg").read_bytes() for name in "abc")
        body = lambda svg: svg[svg.index(b"<g") :]  # noqa: E731
        assert body(first) == body(repeated) != body(other)

    def test_drafts_have_half_the_size(self, noisereel, scene, pixels, tmp_path):
        path = scene(film="{frames: 2, size: [320, 242]}")
        noisereel("render", path, "-o", "a.gif", "-q", "draft")
        noisereel("render", path, "-o", "b.gif", "-q", "draft", "--size", "200x150")
        assert pixels(tmp_path / "a.gif").shape[1:3] == (120, 160)
        assert pixels(tmp_path / "b.gif").shape[1:3] == (150, 200)

    def test_transparent_films_have_no_background(self, noisereel, scene, pixels, tmp_path):
        done = noisereel("render", scene(), "-o", "a.gif", "-o", "{frame}.png", "--transparent")
        assert done.code == 0
        for name in ("a.gif", "0.png"):
            alpha = pixels(tmp_path / name)[..., 3]
            assert alpha[0, 0, 0] == 0 and alpha.max() == 255

    def test_transparency_is_refused_before_simulating_if_a_format_lacks_it(self, noisereel, scene, tmp_path):
        done = noisereel("render", scene(), "-o", "a.gif", "-o", "a.mp4", "--transparent")
        assert done == (2, "", "a.mp4: .mp4 has no transparency: use .gif or .png\n")
        assert [p.name for p in tmp_path.iterdir()] == ["scene.yaml"]

    def test_quiet_prints_nothing(self, noisereel, scene, plugin, tmp_path):
        broken = plugin("@hookimpl\ndef misspelt(): ...\n")
        done = noisereel("render", scene(), "-o", "a.gif", "--fps", "30", "--plugin", broken, "--quiet")
        assert done == (0, "", "")
        assert (tmp_path / "a.gif").exists()

    def test_rates_that_a_format_cannot_play_are_warned_of(self, noisereel, scene):
        done = noisereel("render", scene(), "-o", "a.gif", "-o", "a.mp4", "-o", "{frame}.png", "--fps", "30")
        assert (done.code, done.err) == (0, "warning: a.gif: GIF cannot play 30 fps evenly: use 33.3 or 25\n")

    def test_a_dry_run_only_prints_what_would_be_done(self, noisereel, scene, tmp_path):
        done = noisereel("render", scene(), "--dry-run", "-o", "a.gif", "-o", "b.mp4")
        path = tmp_path / "scene.yaml"
        assert done == (
            0,
            f"scene    {path}: 1 run, 6 frames at 20 fps\nfilm     160x120, theme dark\n"
            "output   a.gif\noutput   b.mp4\n",
            "",
        )
        assert [p.name for p in tmp_path.iterdir()] == ["scene.yaml"]

    def test_a_dry_run_finds_the_same_errors_as_validate(self, noisereel, scene):
        done = noisereel("render", scene(dataset="{image: nowhere.png}"), "--dry-run")
        assert done.code == 2 and "nowhere.png: No such file or directory" in done.err
        done = noisereel("render", scene(), "--dry-run", "-o", "a.png")
        assert done.code == 2 and done.err.startswith("a.png: holds one picture, not 6")

    def test_visits_that_would_share_a_file_are_refused_before_simulating(self, noisereel, scene, tmp_path):
        path = scene(sampler="[forward, {ddim: {steps: 4}}]", dataset="datasaurus")
        done = noisereel("render", path, "-o", "at-{t}.png", "--set", "denoiser=empirical")
        assert done == (2, "", "at-{t}.png: visits 9 and 13 would both be at-9.png; use {step}\n")
        assert [p.name for p in tmp_path.iterdir()] == ["scene.yaml"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--device", "nonsense"], "device 'nonsense': must be auto, cpu, cuda or cuda:N"),
        (["--device", "meta"], "device 'meta': must be auto, cpu, cuda or cuda:N"),
        (["--device", "cuda:99"], "device 'cuda:99': there is no such device here; CUDA devices found: {cuda}"),
        (["--size", "wide"], "--size wide: write it as WIDTHxHEIGHT in pixels, e.g. --size 1280x720"),
        (["--size", "0x0"], "--size: film.size.0: must be between 16 and 8,192, got 0\n"
                            "--size: film.size.1: must be between 16 and 8,192, got 0"),
        (["--size", "640x100000"], "--size: film.size.1: must be between 16 and 8,192, got 100000"),
        (["--size", "20x20"], "--size: film.size: 20x20 is too small for text; the minimum is about 64x48"),
        (["--fps", "0"], "--fps: film.fps: must be between 0.01 and 120, got 0"),
        (["--seed", "-1"], "--seed: seed: must be between 0 and 1,000,000,000,000,000,000, got -1"),
        (["--theme", "drak"], "--theme: film.theme: unknown theme 'drak'; did you mean 'dark'?"),
        (["--set", "film.fsp=3"], "--set: film.fsp: unknown key 'fsp'; did you mean 'fps'?"),
        (["--set", "film"], "--set takes PATH=VALUE, such as film.fps=30, got 'film'"),
        (
            ["-o", "a.png"],
            "a.png: holds one picture, not 6: take a still instead, or number the files: a-{frame:04d}.png",
        ),
        (["-o", "a.xyz"], "a.xyz: unknown suffix '.xyz'; known: {writers}"),
        (["-o", "a.gif", "-o", "./a.gif"], "a.gif: would be written more than once"),
        (["--plugin", "nowhere.py"], "no plugin file 'nowhere.py'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_wrong_requests(noisereel, scene, tmp_path, arguments, message):
    import torch

    from noisereel.registry.registry import load_registry

    path = scene()
    done = noisereel("render", path, *arguments)
    writers = ", ".join(f".{name}" for name in load_registry().names("writer"))
    message = message.replace("{cuda}", str(torch.cuda.device_count())).replace("{writers}", writers)
    assert done == (2, "", f"{message}\n")
    assert [p.name for p in tmp_path.iterdir()] == ["scene.yaml"]


@pytest.mark.parametrize(
    ("arguments", "end"),
    [
        (["frobnicate"], "Error: No such command 'frobnicate'.\n"),
        (["render"], "Error: Missing argument 'SCENE'.\n"),
        (["render", "x", "--frobnicate"], "Error: No such option '--frobnicate'.\n"),
        (["render", "x", "-j", "0"], "Error: Invalid value for '-j' / '--workers': 0 is not in the range 1<=x<=64.\n"),
        (["render", "swiss-roll-forwrad"], "unknown scene 'swiss-roll-forwrad'; did you mean 'swiss-roll-forward'?\n"),
        (["render", "nowhere.yaml"], "no scene file 'nowhere.yaml'\n"),
        (["render", "."], "'.' is a folder, not a scene file\n"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage(noisereel, arguments, end):
    done = noisereel(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith(end)


def test_verbose_shows_tracebacks(noisereel, scene):
    done = noisereel("render", scene(), "-o", "a.gif", "-v", "--device", "nonsense")
    assert done.code == 2
    assert done.err.startswith("Traceback (most recent call last):\n")
    assert done.err.endswith("UsageError: device 'nonsense': must be auto, cpu, cuda or cuda:N\n")


@pytest.mark.parametrize("command", ["render", "still"])
def test_garbage_collection_is_on_once_work_has_begun(noisereel, plugin, scene, command):
    metric = plugin(
        """
import gc

class Mine(Metric):
    gives = ("a",)
    def measure(self, state, ctx):
        if not gc.isenabled():
            raise ValueError("garbage piles up")
        return {"a": 1.0}

@hookimpl
def register_metrics(register):
    register("mine", Mine)
"""
    )
    path = scene("metrics: [mine]\npanels: [{title: '{a}'}]\n")
    assert noisereel(command, path, "--plugin", metric).code == 0
    assert noisereel(command, path, "--set", "seed=nothing").code == 2
    assert gc.isenabled()


def test_scenes_are_listed_with_whole_sentences(noisereel, plugin, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/one.yaml").write_text(
        "# One sentence. Another that goes on\n# and on. And a third.\ndataset: line\n"
    )
    (tmp_path / "mine/two.yaml").write_text("# A line?\n# More.\n")
    (tmp_path / "mine/three.yaml").write_text("# No end\ndataset: line\n")
    (tmp_path / "mine/none.yaml").write_text("")
    folder = plugin(f"@hookimpl\ndef register_scenes(register):\n    register({str(tmp_path / 'mine')!r})\n")
    listed = dict(
        line.split(None, 1) for line in noisereel("scenes", "list", "--plugin", folder).out.splitlines() if " " in line
    )
    assert listed["one"] == "One sentence. Another that goes on and on."
    assert (listed["two"], listed["three"], "none" in listed) == ("A line?", "No end", False)


class TestStill:
    def test_the_last_moment_is_the_default(self, noisereel, scene, pixels, tmp_path):
        noisereel("still", scene(), "-o", "last.png")
        noisereel("still", scene(), "-o", "at.png", "--at", "12")
        noisereel("still", scene(), "-o", "first.png", "--at", "0")
        last, at, first = (pixels(tmp_path / f"{name}.png") for name in ("last", "at", "first"))
        assert (last == at).all() and not (last == first).all()

    def test_several_times_make_a_strip(self, noisereel, scene, pixels, tmp_path):
        done = noisereel("still", scene(), "-o", "strip.png", "--at", "0,6,12", "-j", "2")
        assert printed(done) == "strip.png  (1 picture, 160x64, SIZE; simulated in S s, filmed in S s)\n"
        strip = pixels(tmp_path / "strip.png")[0]
        assert strip.shape == (64, 160, 4)
        thirds = [strip[:, i * 53 : (i + 1) * 53] for i in range(3)]
        assert not (thirds[0] == thirds[1]).all() and not (thirds[1] == thirds[2]).all()

    def test_a_strip_keeps_a_given_size(self, noisereel, scene, pixels, tmp_path):
        noisereel("still", scene(), "-o", "strip.png", "--at", "0,6", "--size", "200x120")
        assert pixels(tmp_path / "strip.png").shape == (1, 120, 200, 4)

    def test_one_file_per_time(self, noisereel, scene, tmp_path):
        done = noisereel("still", scene(), "-o", "at-{t}.png", "-o", "{step:02d}.svg", "--at", "0,6,12")
        assert done.code == 0
        names = {p.name for p in tmp_path.iterdir() if p.suffix in (".png", ".svg")}
        assert names == {"at-0.png", "at-6.png", "at-12.png", "00.svg", "06.svg", "12.svg"}

    def test_the_nearest_visit_is_named(self, noisereel, scene, pixels, tmp_path):
        done = noisereel("still", scene(), "-o", "a.png", "--at", "6.4")
        assert done.out.splitlines()[0] == "at 6.4: t = 6 is the nearest visit"
        noisereel("still", scene(), "-o", "b.png", "--at", "6")
        assert (pixels(tmp_path / "a.png") == pixels(tmp_path / "b.png")).all()

    @pytest.mark.parametrize("at", ["13", "0,13"])
    def test_times_beyond_the_end(self, noisereel, scene, at):
        message = "cannot show t = 13: no run reaches it; the last time is t = 12\n"
        assert noisereel("still", scene(), "-o", "a.png", "--at", at) == (2, "", message)

    @pytest.mark.parametrize("at", ["x", "", "1,,2"])
    def test_what_are_no_times(self, noisereel, scene, at):
        message = f"--at {at}: write times as numbers from 0 to T, e.g. --at 0,6,12\n"
        assert noisereel("still", scene(), "-o", "a.png", "--at", at) == (2, "", message)

    @pytest.mark.parametrize("at", ["-1", "nan", "inf"])
    def test_invalid_times(self, noisereel, scene, at):
        message = f"cannot show t = {at}: times are numbers from 0 to T\n"
        assert noisereel("still", scene(), "-o", "a.png", "--at", at) == (2, "", message)

    def test_curves_are_complete_in_a_still(self, noisereel, scene, pixels, tmp_path):
        path = scene("metrics: [std]\npanels: [{layers: [{curve: {of: std, area: false}}]}]\n")
        noisereel("still", path, "-o", "still.png", "--at", "12")
        noisereel("render", path, "-o", "{frame}.png")
        np.testing.assert_array_equal(pixels(tmp_path / "still.png"), pixels(tmp_path / "5.png"))


class TestValidate:
    def test_valid_and_invalid_scenes_together(self, noisereel, scene, tmp_path):
        good = scene(name="good.yaml")
        bad = scene(name="bad.yaml", sampler="forwrad", schedule="{linear: {steps: 0}}")
        done = noisereel("validate", good, bad, "mixture-1d", "nowhere")
        assert done.code == 2
        assert done.out.splitlines() == [
            f"{good}: fine  (1 run, 6 frames at 20 fps)",
            "mixture-1d: fine  (2 runs, 150 frames at 25 fps)",
        ]
        assert done.err.splitlines() == [
            f"{bad}:2:28: schedule.linear.steps: must be between 1 and 1,000,000, got 0",
            f"{bad}:3:10: sampler: unknown sampler 'forwrad'; did you mean 'forward'?",
            f"unknown scene 'nowhere'; known: {', '.join(GALLERY)}",
        ]

    @pytest.mark.parametrize("name", GALLERY)
    def test_the_gallery_is_valid(self, noisereel, name):
        done = noisereel("validate", name)
        # The attempts show the effect of a schedule that leaves much of the data.
        expected = {"mlp-four-attempts": 2 * ["use more steps or a larger beta_end"]}.get(name, [])
        assert [line.rpartition(": ")[2] for line in done.err.splitlines()] == expected
        assert done.code == 0 and done.out.startswith(f"{name}: fine  (")

    def test_flags_are_checked_with_the_scene(self, noisereel, scene):
        done = noisereel("validate", scene(), "--set", "schedule.steps=nine")
        assert done == (2, "", "--set: schedule.linear.steps: must be a whole number, got text 'nine'\n")

    def test_layers_must_suit_the_data(self, noisereel, scene):
        path = scene("panels: [{layers: [image]}]\n")
        message = "panels.0.layers.0: image shows images, event shape (H, W) or (H, W, 3), not (2,)"
        assert noisereel("validate", path) == (2, "", f"{path}:5:20: {message}\n")

    def test_a_reverse_run_cannot_start_from_clean_data(self, noisereel, scene):
        path = scene("denoiser: empirical\nstart: data\n", sampler="ddim")
        message = "start: the run begins at t = 12, where data is noisy: use 'start: marginal', not 'start: data'"
        assert noisereel("validate", path) == (2, "", f"{path}:6:8: {message}\n")

    def test_runs_that_cannot_be_aligned(self, noisereel, scene):
        path = scene(
            "denoiser: empirical\nruns: {there: {sampler: forward}, back: {sampler: ddim}}\npanels: [{run: there}]\n",
            film="{align: t}",
        )
        message = "film.align: run 'back' goes against run 'there', so they cannot be aligned by t"
        assert noisereel("validate", path) == (2, "", f"{path}:4:15: {message}\n")


class TestScenes:
    def test_the_gallery_is_listed_with_descriptions(self, noisereel):
        done = noisereel("scenes")
        assert done == noisereel("scenes", "list")
        assert [line.split()[0] for line in done.out.splitlines()] == GALLERY
        assert all(len(line.split(maxsplit=1)[1]) > 20 for line in done.out.splitlines())

    def test_a_scene_is_shown_as_it_is_written(self, noisereel):
        text = (Path(__file__).parents[3] / "scenes" / f"{GALLERY[0]}.yaml").read_text()
        assert noisereel("scenes", "show", GALLERY[0]) == (0, text, "")

    def test_a_copy_renders_and_is_not_overwritten(self, noisereel, tmp_path):
        assert noisereel("scenes", "copy", "datasaurus-forward") == (0, "datasaurus-forward.yaml\n", "")
        assert noisereel("validate", "datasaurus-forward.yaml").code == 0
        message = "datasaurus-forward.yaml already exists: --force replaces it\n"
        assert noisereel("scenes", "copy", "datasaurus-forward") == (2, "", message)
        assert noisereel("scenes", "copy", "datasaurus-forward", "--force").code == 0
        assert noisereel("scenes", "copy", "datasaurus-forward", "deep/mine.yaml") == (0, "deep/mine.yaml\n", "")
        assert (tmp_path / "deep/mine.yaml").read_bytes() == (tmp_path / "datasaurus-forward.yaml").read_bytes()

    @pytest.mark.parametrize("command", ["show", "copy"])
    def test_unknown_scenes(self, noisereel, command):
        assert noisereel("scenes", command, "nowhere.yaml") == (2, "", "no scene file 'nowhere.yaml'\n")
        done = noisereel("scenes", command, "mixture")
        assert done == (2, "", "unknown scene 'mixture'; did you mean 'mixture-2d'?\n")


def test_version_and_help(noisereel):
    assert noisereel("--version") == (0, f"noisereel {__version__}\n", "")
    done = noisereel("-h")
    assert done.code == 0
    assert {"render", "still", "validate", "scenes", "plugins"} <= {*done.out.split()}


@pytest.mark.parametrize("arguments", [["--help"], ["plugins", "list"], ["render", "--help"], ["scenes"]])
def test_light_commands_import_nothing_heavy(arguments):
    heavy = "{'torch', 'matplotlib', 'numpy', 'pydantic', 'av', 'PIL', 'ruamel'}"
    code = (
        "import sys; from noisereel.cli import main\n"
        "try: main(sys.argv[1:])\n"
        f"finally: print('heavy:', sorted({heavy} & {{name.split('.')[0] for name in sys.modules}}))"
    )
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy: []"


def test_a_closed_pipe_is_no_error(tmp_path):
    command = f"{sys.executable} -m noisereel scenes show {GALLERY[0]} | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stderr == ""
