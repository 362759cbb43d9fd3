"""``noisereel train`` and ``noisereel cache``."""

from pathlib import Path

from noisereel.learning import read_facts

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
