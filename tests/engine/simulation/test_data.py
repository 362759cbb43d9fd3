"""Data of runs: warnings of data sets, and values that float32 cannot tell apart."""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import noisereel as nr
from noisereel.support import memory
from noisereel.support.errors import SceneError

SHARES = np.linspace(0, 1, 101)
FAR = np.column_stack([447_100 + SHARES, 5_411_900 + SHARES])
"""Points as coordinates in UTM are: far from 0, and near each other."""
ADVICE = "write 'dataset: {standardised: …}' to scale them first"


class Careless(nr.Dataset):
    """Warns while it loads."""

    def load(self, ctx: nr.LoadContext) -> nr.Data:
        ctx.warn("a row was left out")
        return nr.Data(torch.zeros(3, 2))


def scene(dataset: object, **keys: object) -> nr.Scene:
    return nr.Scene(dataset=dataset, schedule={"linear": {"steps": 2}}, sampler="forward", particles=20, **keys)


def loaded(dataset: object) -> np.ndarray:
    (run,) = scene(dataset).simulate(cache=False).values()
    return run.trajectory.data.x0.numpy()


def test_a_data_set_can_warn() -> None:
    (problem,) = nr.validate(scene(Careless()))
    assert (problem.path, problem.message) == ("dataset", "a row was left out")
    for work in (lambda: scene(Careless()).simulate(cache=False), lambda: nr.frame(scene(Careless()), 0, cache=False)):
        with pytest.warns(nr.NoisereelWarning, match="a row was left out") as record:
            work()
        assert len(record) == 1


def test_runs_with_the_same_data_warn_once() -> None:
    run = {"dataset": Careless(), "schedule": {"linear": {"steps": 2}}, "sampler": "forward", "particles": 5}
    (problem,) = nr.validate(nr.Scene(runs={"a": run, "b": dict(run)}))
    assert problem.path == "runs.a.dataset"


def given(kind: str, values: np.ndarray, folder: Path) -> object:
    """Return a data set with these values."""
    if kind == "csv":
        np.savetxt(folder / "a.csv", values, delimiter=",", fmt="%r" if values.dtype == object else "%.17g")
        return {"csv": str(folder / "a.csv")}
    if kind == "npy":
        np.save(folder / "a.npy", values)
        return {"array": str(folder / "a.npy")}
    return {"array": values.tolist()} if kind == "list" else values


@pytest.mark.parametrize("each", ["all", "axis"])
@pytest.mark.parametrize("kind", ["csv", "npy", "list", "python"])
@pytest.mark.parametrize(("offset", "size"), [(5.4e6, 1), (1.7e9, 100), (1e5, 1e-4), (-3e7, 0.5)])
@pytest.mark.filterwarnings("error")
def test_distinct_values_stay_distinct_when_scaled(
    tmp_path: Path, kind: str, each: str, offset: float, size: float
) -> None:
    values = offset + size * np.column_stack([SHARES, SHARES[::-1]])
    x0 = loaded({"standardised": {"of": given(kind, values, tmp_path), "each": each}})
    assert x0.dtype == np.float32
    expected = (values - values.mean(0)) / values.std(0)
    np.testing.assert_allclose(x0, expected, atol=1e-5)
    assert [len(np.unique(column)) for column in x0.T] == [101, 101]


@pytest.mark.filterwarnings("error")
def test_a_mixture_far_away_is_scaled_exactly() -> None:
    x0 = loaded({"standardised": {"of": {"mixture": {"means": [[5e6, 0]], "stds": [0.01], "n": 500}}}})
    assert len(np.unique(x0[:, 0])) > 490


@pytest.mark.parametrize("kind", ["csv", "npy", "list", "python"])
def test_values_too_coarse_for_float32_are_warned_of(tmp_path: Path, kind: str) -> None:
    (problem,) = nr.validate(scene(given(kind, FAR, tmp_path)))
    message = f"coordinate 2: float32 keeps 3 of 101 distinct values near 5.4119e+06; {ADVICE}"
    assert (problem.path, problem.message) == ("dataset", message)


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).normal(290, 5, (20_000, 2)),
        np.random.default_rng(0).uniform(0, 1, (100_000, 1)),
        np.full((9, 2), 5_411_900.3),
        FAR[:1],
        np.array([[1e-14], [1.0], [1e14]]),
        np.arange(100_000)[:, None],
    ],
    ids=["random", "many", "equal", "one", "wide", "whole"],
)
def test_ordinary_values_are_not_warned_of(values: np.ndarray) -> None:
    assert nr.validate(scene(values)) == ()


def test_values_beyond_float32_can_be_scaled(tmp_path: Path) -> None:
    values = 1e39 * (1 + np.column_stack([SHARES, SHARES]))
    dataset = given("csv", values, tmp_path)
    with pytest.raises(SceneError, match="the data contains values beyond float32; write"):
        nr.validate(scene(dataset))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.ptp(loaded({"standardised": {"of": dataset}})) == pytest.approx(3.43, abs=0.01)


USED = """
import re, sys
import noisereel as nr

def peak():  # not getrusage, which also counts the program that started this one
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024

def run(n):
    keys = {} if sys.argv[1] == "forward" else {"denoiser": "gaussian"}
    scene = nr.Scene(dataset="two-moons", schedule={"linear": {"steps": 3}}, sampler=sys.argv[1], particles=n, **keys)
    scene.simulate(cache=False)

run(10)
before = peak()
run(3_000_000)
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's record of peak memory")
@pytest.mark.parametrize("sampler", ["forward", "ddpm"])
def test_particles_take_the_memory_that_is_estimated(sampler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    used = int(subprocess.run([sys.executable, "-c", USED, sampler], check=True, capture_output=True, text=True).stdout)
    monkeypatch.setattr(memory, "available", lambda: used * 4 // 5)
    dataset = nr.load({"dataset": {"two-moons": {"n": 9}}, "schedule": "linear", "sampler": "forward"})
    with pytest.raises(SceneError, match="3,000,000 particles need about"):
        nr.validate(nr.load(dataset, {"particles": 3_000_000}))
    monkeypatch.setattr(memory, "available", lambda: used * 3 // 2)
    nr.validate(nr.load(dataset, {"particles": 3_000_000}))
