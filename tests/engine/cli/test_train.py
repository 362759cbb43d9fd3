"""``noisereel train`` and ``noisereel cache``."""

import os
import shutil
import threading
from pathlib import Path

import pytest

from noisereel.cli.main import main
from noisereel.learning import read_facts
from noisereel.support.locks import locked

SCENE = """\
dataset: {two-moons: {n: 500}}
schedule: {linear: {steps: 20}}
denoiser: {mlp: {width: 32, depth: 1, steps: 60}}
sampler: ddim
particles: 50
"""


class TestCommands:
    def test_train_lists_the_weights_and_trains_them_once(self, noisereel, tmp_path):
        (tmp_path / "s.yaml").write_text(SCENE + "runs: {a: {}, b: {seed: 1}}\n")
        done = noisereel("train", "s.yaml")
        first, second = done.out.splitlines()
        assert "(run 'a': 60 steps, loss " in first and "(run 'b': 60 steps, loss " in second
        file = Path(first.partition("  (")[0])
        before = file.stat().st_mtime_ns
        assert noisereel("train", "s.yaml").out == done.out
        assert noisereel("render", "s.yaml", "--size", "64x48", "--set", "film.frames=2").code == 0
        assert file.stat().st_mtime_ns == before
        message = noisereel("train", "s.yaml", "-o", "w.safetensors")
        assert message == (
            2,
            "",
            "w.safetensors: there are several sets of weights (a, b); put {run} into the name\n",
        )
        assert noisereel("train", "s.yaml", "-o", "{run}.safetensors").code == 0
        assert (tmp_path / "a.safetensors").read_bytes() == file.read_bytes()

    def test_weights_hold_the_scene_and_its_overrides(self, noisereel, tmp_path):
        (tmp_path / "s.yaml").write_text(SCENE)
        noisereel("train", "s.yaml", "--set", "dataset=circles", "--seed", 3, "-o", "w.safetensors")
        facts = read_facts(tmp_path / "w.safetensors")
        assert (facts["scene"], facts["set"], facts["seed"]) == (SCENE, ["dataset=circles", "seed=3"], 3)

    def test_weights_have_one_suffix(self, noisereel, scene):
        message = "mine.pt: weights are saved as .safetensors, such as mine.safetensors\n"
        assert noisereel("train", scene(), "-o", "mine.pt") == (2, "", message)

    def test_a_scene_without_trained_denoisers(self, noisereel, scene):
        path = scene()
        assert noisereel("train", path) == (2, "", f"{path}: no run has a denoiser that is trained\n")

    def test_the_cache_is_listed_and_cleared(self, noisereel, tmp_path):
        empty = ["runs       0 simulated runs, 0.0 kB", "denoisers  0 trained denoisers, 0.0 kB"]
        assert noisereel("cache").out.splitlines()[1:] == empty
        (tmp_path / "s.yaml").write_text(SCENE)
        noisereel("render", "s.yaml", "--size", "64x48", "--set", "film.frames=2")
        folder, runs, denoisers, weights = noisereel("cache", "list").out.splitlines()
        assert folder == str(tmp_path / "cache")
        assert runs.startswith("runs       1 simulated run, ")
        assert denoisers.startswith("denoisers  1 trained denoiser, ")
        assert weights.startswith("  mlp, 2, 60 steps ")
        vanished = next((tmp_path / "cache/denoisers").iterdir()) / "being-written"
        vanished.symlink_to("nowhere")  # listed in the folder, but gone when its size is read
        assert noisereel("cache", "list").out.splitlines()[3] == weights
        vanished.unlink()
        assert noisereel("cache", "clear", "runs").out.startswith("removed 1 simulated run (")
        assert noisereel("cache", "clear").out.startswith("removed 0 simulated runs (0.0 kB) and 1 trained denoiser (")
        assert noisereel("cache").out.count(" 0 ") == 2


class TestUnderPressure:
    def test_clearing_leaves_what_is_in_use(self, noisereel, tmp_path):
        (tmp_path / "s.yaml").write_text(SCENE)
        noisereel("render", "s.yaml", "--size", "64x48", "--set", "film.frames=2")
        with locked(next((tmp_path / "cache/runs").iterdir())):
            assert noisereel("cache", "clear", "runs").out == "removed 0 simulated runs (0.0 kB); left 1 in use\n"
        assert noisereel("cache", "clear", "runs").out.startswith("removed 1 simulated run (")

    @pytest.mark.skipif(os.name == "nt", reason="files in use cannot be removed")
    def test_renders_survive_clearing_at_any_moment(self, noisereel, tmp_path):
        (tmp_path / "s.yaml").write_text(SCENE)
        stop, root = threading.Event(), tmp_path / "cache"

        def clear():
            while not stop.is_set():
                shutil.rmtree(root / "runs", ignore_errors=True)
                shutil.rmtree(root / "denoisers", ignore_errors=True)

        clearing = threading.Thread(target=clear)
        clearing.start()
        try:
            done = [noisereel("still", "s.yaml", "-o", "a.png", "--size", "64x48") for _ in range(5)]
        finally:
            stop.set()
            clearing.join()
        assert [(each.code, "Traceback" in each.err) for each in done] == [(0, False)] * 5

    def test_the_end_of_a_file_is_no_interruption(self, noisereel, tmp_path, monkeypatch):
        def fail(*args, **kwargs):
            raise EOFError("no data left")

        monkeypatch.setattr("noisereel.cli.cache_commands.cache_folder", fail)
        with pytest.raises(EOFError, match="no data left"):
            main(["cache"])

    def test_a_network_that_cannot_be_kept_is_a_warning(self, noisereel, tmp_path, monkeypatch):
        (tmp_path / "s.yaml").write_text(SCENE)
        monkeypatch.setenv("NOISEREEL_CACHE", "/dev/null/cache")
        done = noisereel("still", "s.yaml", "-o", "a.png", "--size", "64x48")
        lines = sorted(done.err.splitlines(), reverse=True)
        assert done.code == 0 and len(lines) == 2
        assert lines[0].startswith("warning: trained networks are not kept: cannot write /dev/null/cache/denoisers/")
        assert lines[1].startswith("warning: simulated runs are not kept: cannot write to /dev/null/cache/runs")
        assert noisereel("train", "s.yaml", "-o", "w.safetensors").code == 0
        done = noisereel("train", "s.yaml")
        message = "the weights cannot be kept: name a file for them, such as weights.safetensors"
        assert (done.code, done.err.splitlines()[-1]) == (1, message)
