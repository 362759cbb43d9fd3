"""Recorded trajectories: random access, cache keys, memory mapping, trimming; and measurements on them."""

import os
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

from noisereel.contracts.identity import source_digest
from noisereel.contracts.renderer import RunView
from noisereel.registry.registry import load_registry
from noisereel.scene import parse_scene
from noisereel.simulation.measurements import Measurements, state_at
from noisereel.simulation.recording import Recorder, run_key, trajectory_of
from noisereel.simulation.store import TrajectoryStore
from simulating import bound

AWKWARD = Path(__file__).parents[2] / "awkward.py"
SCENE = """
dataset: {swiss-roll: {n: 100}}
schedule: {linear: {steps: 10}}
denoiser: empirical
sampler: ddpm
metrics: [spread, entropy]
"""


@pytest.fixture(scope="module")
def registry():
    return load_registry([AWKWARD])


@pytest.fixture
def make(registry, tmp_path):
    """Return a function that returns the first run of a scene."""

    def first_run(text=SCENE):
        scene = parse_scene(text, "test.yaml", tmp_path, registry)
        return bound(scene, registry, tmp_path)

    return first_run


def recorded(run, store, shown=range(11)):
    return Recorder(store).record(run, run_key(run, shown, Path(), None), shown, lambda state: None)[0]


@pytest.fixture(params=["memory", "disk"])
def store(request, tmp_path):
    return TrajectoryStore(tmp_path / "cache" if request.param == "disk" else None, tmp_path)


def test_every_visit_is_available_by_index(make, store):
    run = make()
    trajectory, states = recorded(run, store), list(run.states())
    assert len(trajectory) == len(states) == 11
    for index in (7, 0, 10, 3):
        state = states[index]
        assert (trajectory.series("x", index) == state.x.numpy()).all()
        restored = state_at(trajectory, index, torch.device("cpu"))
        for value, expected in ((restored.x0, state.x0), (restored.noise, state.noise), (restored.eps, state.eps)):
            assert (value is None) == (expected is None)
            assert value is None or torch.equal(value, expected)
        assert restored.calls == state.calls == min(index + 1, 10)


def test_series_follow_their_definitions(make, store):
    trajectory = recorded(make(SCENE + "start: marginal"), store)
    level = trajectory.levels[4]
    x, x0, eps = (trajectory.series(of, 4) for of in ("x", "x0", "eps"))
    assert abs(level.alpha * x0 + level.sigma * eps - x).max() < 1e-5
    assert abs(trajectory.series("signal", 4) - level.alpha * trajectory.data.x0.numpy()).max() < 1e-6
    assert trajectory.series("eps", 10) is None
    assert trajectory.series("noise", 10) is None  # a step to clean data adds no noise


def test_large_trajectories_are_memory_mapped(make, tmp_path, monkeypatch):
    monkeypatch.setattr("noisereel.simulation.store.MEMORY_BUDGET", 1000)
    monkeypatch.setattr("noisereel.simulation.recording.MEMORY_BUDGET", 1000)
    run = make()
    trajectory = recorded(run, TrajectoryStore(None, tmp_path))
    assert isinstance(trajectory.arrays.series["x"], np.memmap)
    assert (trajectory.series("x", 5) == list(run.states())[5].x.numpy()).all()
    with pytest.raises(ValueError, match="read-only"):
        trajectory.series("x", 5)[:] = 0


def test_huge_trajectories_keep_the_visits_shown_and_these_are_part_of_the_key(make, store, monkeypatch):
    run = make()
    small = [run_key(run, shown, Path(), None) for shown in ((0, 5), (0, 6))]
    assert small[0] == small[1]
    monkeypatch.setattr("noisereel.simulation.recording.RECORD_BUDGET", 1000)
    huge = [run_key(run, shown, Path(), None) for shown in ((0, 5), (0, 6))]
    assert len({*small, *huge}) == 3
    trajectory = recorded(run, store, shown=[4, 9])
    assert list(trajectory.kept_visits) == [0, 4, 9]
    assert (trajectory.series("x", 9) == list(run.states())[9].x.numpy()).all()
    assert trajectory.series("x", 5) is None
    assert trajectory.nearest(5.0) == 4
    assert list(trajectory.calls) == [min(i + 1, 10) for i in range(11)]


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (("sampler: ddpm", "sampler: {ddpm: {variance: beta}}"), False),
        (("steps: 10", "steps: 11"), False),
        (("n: 100", "n: 99"), False),
        (("metrics:", "seed: 1\nmetrics:"), False),
        (("metrics:", "particles: 5\nmetrics:"), False),
        (("metrics: [spread, entropy]", ""), True),
        (("metrics:", "title: other\nfilm: {frames: 7, fps: 10}\nmetrics:"), True),
    ],
)
def test_the_key_depends_on_everything_that_changes_the_states(make, change, same):
    keys = {run_key(make(text), range(3), Path(), None) for text in (SCENE, SCENE.replace(*change))}
    assert len(keys) == (1 if same else 2)


def test_stored_trajectories_are_found_and_damaged_ones_are_removed(make, tmp_path):
    run, store = make(), TrajectoryStore(tmp_path / "cache", tmp_path)
    key = run_key(run, range(11), Path(), None)
    assert store.find(key) is None
    first = recorded(run, store)
    loaded = trajectory_of(run, store.find(key))
    assert all((loaded.series("x", i) == first.series("x", i)).all() for i in range(11))
    (store.folder(key) / "x.npy").write_bytes(b"\x93NUMPY")
    assert store.find(key) is None
    assert not store.folder(key).exists()


def test_nothing_is_left_of_an_interrupted_run(make, tmp_path):
    store, run = TrajectoryStore(tmp_path / "cache", tmp_path), make()

    def stop(state):
        if state.index == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Recorder(store).record(run, "key", range(11), stop)
    assert list((tmp_path / "cache" / "runs").iterdir()) == []


def test_the_store_removes_the_least_recently_used_beyond_its_budget(make, tmp_path, monkeypatch):
    store = TrajectoryStore(tmp_path / "cache", tmp_path)
    runs = [make(SCENE + f"seed: {seed}") for seed in range(3)]
    keys = [run_key(run, range(11), Path(), None) for run in runs]
    for run in runs[:2]:
        recorded(run, store)
    for key in keys[:2]:  # long ago: the resolution of file times is too coarse to distinguish the runs
        os.utime(store.folder(key) / "index.json", (1e9, 1e9))
    size = sum(f.stat().st_size for f in store.folder(keys[0]).iterdir())
    assert store.find(keys[0]) is not None  # used again: the other one is now the least recently used
    monkeypatch.setattr("noisereel.simulation.store.CACHE_BUDGET", int(2.5 * size))
    recorded(runs[2], store)
    assert [store.find(key) is not None for key in keys] == [True, False, True]


def test_values_are_measured_once_and_kept(make, tmp_path):
    store, run = TrajectoryStore(tmp_path / "cache", tmp_path), make()
    trajectory = recorded(run, store)
    folder = store.folder(run_key(run, range(11), Path(), None))
    measured = Measurements(trajectory, run.measure_context, folder)
    scalars = [RunView(trajectory, measured.value, run.spec.metrics).scalars(index) for index in (0, 4)]
    spread = np.linalg.norm(trajectory.series("x", 4), axis=1).max()
    assert scalars[1]["spread"] == pytest.approx(spread, rel=1e-6)
    assert set(scalars[1]) == {"spread", "entropy"}
    measured.save()

    def refuse(index):
        raise AssertionError("all values are known")

    again = RunView(trajectory, Measurements(trajectory, refuse, folder).value, run.spec.metrics)
    assert [again.scalars(index) for index in (0, 4)] == scalars


def test_the_digest_of_a_plugin_includes_its_helpers(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name, factor in (("pack_a", 2), ("pack_b", 2), ("pack_c", 3)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
        (tmp_path / name / "helper.py").write_text(f"def scale(x): return {factor} * x\n")
        (tmp_path / name / "steps.py").write_text(
            "from noisereel import Sampler\nfrom .helper import scale\nclass Mine(Sampler):\n    def step(self): ...\n"
        )
    a, b, c = (source_digest(import_module(f"{name}.steps").Mine) for name in ("pack_a", "pack_b", "pack_c"))
    assert a == b
    assert a != c
