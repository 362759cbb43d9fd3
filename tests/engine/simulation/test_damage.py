"""A cache that is damaged, cleared or full while a run is recorded, read and drawn."""

import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from fuzz.damage import DAMAGE
from noisereel.registry.registry import load_registry
from noisereel.scene import parse_scene
from noisereel.simulation.recording import Recorder, run_key, trajectory_of
from noisereel.simulation.store import TrajectoryStore
from noisereel.support.errors import NoisereelError
from noisereel.support.locks import remove_unused
from simulating import bound

SCENE = """
dataset: {swiss-roll: {n: 100}}
schedule: {linear: {steps: 10}}
denoiser: empirical
sampler: ddpm
"""
VISITS = range(11)
posix = pytest.mark.skipif(os.name == "nt", reason="files in use cannot be removed")


@pytest.fixture
def run(tmp_path):
    registry = load_registry()
    return bound(parse_scene(SCENE, "test.yaml", tmp_path, registry), registry, tmp_path)


@pytest.fixture(params=["memory", "mapped"])
def size(request, monkeypatch):
    if request.param == "mapped":
        monkeypatch.setattr("noisereel.simulation.store.MEMORY_BUDGET", 100)
        monkeypatch.setattr("noisereel.simulation.recording.MEMORY_BUDGET", 100)
    return request.param


@pytest.fixture
def mapped(monkeypatch):
    monkeypatch.setattr("noisereel.simulation.store.MEMORY_BUDGET", 100)
    monkeypatch.setattr("noisereel.simulation.recording.MEMORY_BUDGET", 100)


class Cache:
    """A recorder with a cache that holds the run."""

    def __init__(self, run, folder):
        self.run, self.messages = run, []
        self.store = TrajectoryStore(folder / "cache", folder / "scratch")
        self.recorder = Recorder(self.store, self.messages.append)
        self.key = run_key(run, VISITS, Path(), None)
        self.folder = self.store.folder(self.key)

    def record(self, watch=lambda state: None):
        return self.recorder.record(self.run, self.key, VISITS, watch)[0]

    def find(self):
        arrays = self.recorder.find(self.run, self.key, VISITS)
        return None if arrays is None else trajectory_of(self.run, arrays)


@pytest.fixture
def cache(run, tmp_path):
    return Cache(run, tmp_path)


def content(trajectory):
    return [[trajectory.array(name, i) for name in ("x", "x0", "noise")] for i in VISITS]


def same(a, b):
    return all(
        (x is None and y is None) or (x is not None and np.array_equal(x, y))
        for xs, ys in zip(a, b, strict=True)
        for x, y in zip(xs, ys, strict=True)
    )


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["x.npy", "x0.npy", "noise.npy", "index.json"])
def test_damaged_entries_are_never_used(cache, size, name, damage):
    expected = content(cache.record())
    DAMAGE[damage](cache.folder / name, random.Random(2))
    found = cache.find()
    assert same(content(cache.record() if found is None else found), expected)
    assert same(content(cache.find()), expected)


CHANGES = ["truncate", "zero", "zero_all", "flip_last", "empty", "swap_halves", "remove", "lose_folder"]


@posix
@pytest.mark.parametrize("damage", CHANGES)
@pytest.mark.parametrize("fresh", [True, False], ids=["recorded", "found"])
def test_damage_while_drawing_simulates_again(cache, mapped, damage, fresh):
    """Files are changed in place, as they are mapped."""
    trajectory = cache.record()
    expected = content(trajectory)
    trajectory = trajectory if fresh else cache.find()
    first = [trajectory.array(name, 0) for name in ("x", "x0", "noise")]
    DAMAGE[damage](cache.folder / "x.npy", random.Random(3))
    assert same([first, *content(trajectory)[1:]], expected)
    removed = damage in ("remove", "lose_folder")
    message = "run 'run': what is cached of it is damaged; it is simulated again"
    assert cache.messages == ([] if removed else [message])
    assert removed or same(content(cache.find()), expected)


@posix
def test_whole_series_are_checked_too(cache, mapped):
    expected = np.array(cache.record().arrays.whole("x"))
    found = cache.find()
    DAMAGE["flip_last"](cache.folder / "x.npy", random.Random(1))
    assert (found.arrays.whole("x") == expected).all()
    assert len(cache.messages) == 1


@posix
def test_a_disk_that_always_damages_is_an_error_or_avoided(cache, mapped):
    expected, found = content(cache.record()), cache.find()
    for _ in range(4):
        if cache.folder.exists():
            DAMAGE["zero_all"](cache.folder / "x.npy", random.Random(1))
        try:
            assert same(content(found), expected)
        except NoisereelError:
            break
    assert len(cache.messages) <= 2


@posix
@pytest.mark.parametrize("at", [0, 1, 5, 10])
@pytest.mark.parametrize("what", ["cache", "runs", "scratch"])
def test_a_run_survives_the_removal_of_its_folder(cache, size, tmp_path, what, at):
    removed = {"cache": tmp_path / "cache", "runs": tmp_path / "cache/runs", "scratch": tmp_path / "scratch"}[what]

    def watch(state):
        if state.index == at:
            shutil.rmtree(removed, ignore_errors=True)

    trajectory = cache.record(watch)
    shutil.rmtree(removed, ignore_errors=True)
    assert same(content(trajectory), content(Cache(cache.run, tmp_path / "other").record()))


@posix
def test_entries_in_use_are_left_alone_until_the_program_lets_go(cache, size):
    def watch(state):
        assert [remove_unused(entry) for entry in cache.folder.parent.iterdir()] == [False]

    trajectory = cache.record(watch)
    assert not remove_unused(cache.folder)
    reader = TrajectoryStore(cache.store.root, cache.store.scratch)
    arrays = reader.find(cache.key)
    cache.store.close()
    assert not remove_unused(cache.folder)
    reader.close()
    assert remove_unused(cache.folder) and not cache.folder.exists()
    assert same(content(trajectory), content(trajectory_of(cache.run, arrays)))


def test_another_runs_entry_is_not_used(cache):
    cache.record()
    shutil.copytree(cache.folder, cache.folder.with_name("other"))
    assert cache.store.find("other") is None
    assert cache.store.find(cache.key) is not None
    assert cache.store.find(cache.key, fits=lambda arrays: False) is None


@pytest.mark.parametrize("call", ["np.save", "json.dumps", "Path.rename"])
def test_an_entry_that_cannot_be_finished_is_a_warning(cache, size, monkeypatch, call):
    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    where = {"Path.rename": "pathlib.Path.rename"}.get(call, f"noisereel.simulation.store.{call}")
    monkeypatch.setattr(where, fail)
    trajectory = cache.record()
    assert len(content(trajectory)) == 11
    if call == "np.save" and size == "mapped":
        assert cache.messages == []
    else:
        folder = cache.folder.parent
        message = f"simulated runs are not kept: cannot write to {folder}: No space left on device"
        assert cache.messages == [message]
        assert [*folder.iterdir()] == []
