"""Simulation in Python: arrays of a scene's runs, measured and cached; samples without a scene."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import noisereel as nr
from noisereel.simulation import recording, store
from noisereel_builtins.datasets import TwoMoons
from noisereel_builtins.denoisers import Gaussian
from noisereel_builtins.metrics import Std
from noisereel_builtins.samplers import DDIM, DDPM, Forward, RePaint
from noisereel_builtins.schedules import Cosine, Linear

REVERSE = """\
dataset: {two-moons: {n: 60}}
schedule: {cosine: {steps: 8}}
denoiser: gaussian
sampler: ddpm
particles: 20
metrics: [{entropy: {bins: 16}}]
"""
FORWARD: dict[str, Any] = {"dataset": {"two-moons": {"n": 60}}, "schedule": {"cosine": {"steps": 8}}}


def run_of(scene: nr.Scene, **options: Any) -> nr.RunResult:
    (run,) = nr.simulate(scene, **{"cache": False, **options}).values()
    return run


def gaussian(x: torch.Tensor, level: nr.Level) -> torch.Tensor:
    """Return E[x_0 | x_t] for x_0 ~ N(0, I)."""
    return x * level.alpha / (level.alpha**2 + level.sigma**2)


class TestArrays:
    def test_a_forward_run(self) -> None:
        run = run_of(nr.Scene(**FORWARD, sampler="forward"))
        assert run.x.shape == (9, 60, 2) and run.x.dtype == np.float32
        assert run.times.tolist() == [*range(9)]
        assert [level.t for level in run.levels] == run.times.tolist()
        assert run.x0 is None
        assert run.labels is not None and {*run.labels.tolist()} == {0, 1}
        # x_t = a·x_{t-1} + √variance·noise, with the noise stored at the visit that it led to
        a, variance = nr.transition(run.levels[3], run.levels[4])
        assert run.noise is not None
        assert run.x[4] == pytest.approx(a * run.x[3] + math.sqrt(variance) * run.noise[4], abs=1e-5)
        assert np.isnan(run.noise[0]).all() and np.isfinite(run.noise[1:]).all()

    def test_a_reverse_run(self) -> None:
        run = run_of(nr.load(REVERSE))
        assert run.times.tolist() == [8, 7, 6, 5, 4, 3, 2, 1, 0]
        assert run.x0 is not None and np.isnan(run.x0[-1]).all() and np.isfinite(run.x0[:-1]).all()
        assert run.labels is None
        assert repr(run) == "RunResult('run': 9 visits of 20 particles of shape 2)"

    def test_arrays_are_read_only(self) -> None:
        run = run_of(nr.load(REVERSE))
        for array in (run.x, run.x0, run.noise, run.times):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0  # type: ignore[index]

    @pytest.mark.parametrize("cached", [True, False])
    def test_large_arrays_are_mapped_and_removed_with_the_run(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cached: bool
    ) -> None:
        expected = run_of(nr.load(REVERSE)).x.copy()
        for module in (store, recording):
            monkeypatch.setattr(module, "MEMORY_BUDGET", 100)
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        cache = tmp_path / "cache"
        run = run_of(nr.load(REVERSE), cache=cache if cached else False)
        x = run.x
        assert isinstance(x, np.memmap) and (x == expected).all()
        scratch = {*tmp_path.iterdir()} - {cache}
        assert len(scratch) == (0 if cached else 1)
        del run
        gc.collect()
        assert {*tmp_path.iterdir()} - {cache} == set()
        assert (x == expected).all()  # even then

    def test_all_visits_are_kept_however_large(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(recording, "RECORD_BUDGET", 100)
        assert np.isfinite(run_of(nr.load(REVERSE)).x).all()

    def test_nothing_is_printed(self, capfd: pytest.CaptureFixture[str]) -> None:
        run_of(nr.load(REVERSE)).metric("entropy")
        assert capfd.readouterr() == ("", "")


class TestMetrics:
    def test_by_name_mapping_and_instance(self) -> None:
        run = run_of(nr.load(REVERSE))
        expected = run.x.std(axis=(1, 2))
        for metric in ("std", {"std": {}}, Std()):
            values = run.metric(metric)
            assert [*values] == ["std"] and values["std"].shape == (9,)
            assert values["std"] == pytest.approx(expected, rel=0.05)

    def test_a_name_means_the_scenes_own_metric(self) -> None:
        run = run_of(nr.load(REVERSE))
        own, other = run.metric("entropy"), run.metric({"entropy": {"bins": 64}})
        assert (own["entropy"] == run.metric({"entropy": {"bins": 16}})["entropy"]).all()
        assert (own["entropy"] < other["entropy"]).any()

    @pytest.mark.parametrize(
        ("metric", "message"),
        [
            ("entrpy", "metric: unknown metric 'entrpy'; did you mean 'entropy'?"),
            ({"entropy": {"bin": 3}}, "metric: entropy.bin: unknown key 'bin'; did you mean 'bins'?"),
            (DDIM(), "metric: must be the name of a metric or a Metric, got the sampler DDIM"),
            (3, "metric: must name a metric, as NAME or {NAME: {parameters}}, got 3"),
        ],
    )
    def test_wrong_ones(self, metric: Any, message: str) -> None:
        with pytest.raises(nr.SceneError) as error:
            run_of(nr.load(REVERSE)).metric(metric)
        assert str(error.value) == message

    def test_one_that_does_not_fit_the_run(self) -> None:
        with pytest.raises(nr.UsageError, match=r"^metric 'loss', run 'run': "):
            run_of(nr.load(REVERSE)).metric("loss")


class TestSeed:
    def test_as_on_the_command_line(self) -> None:
        scene = nr.load(REVERSE)
        assert (run_of(scene, seed=3).x == run_of(nr.load(REVERSE, {"seed": 3})).x).all()
        assert (run_of(scene, seed=3).x != run_of(scene).x).any()

    def test_a_runs_own_seed_stays(self) -> None:
        scene = nr.Scene(**FORWARD, sampler="forward", runs={"a": {"seed": 5}, "b": {}})
        first, second = (nr.simulate(scene, seed=seed, cache=False) for seed in (1, 2))
        assert (first["a"].x == second["a"].x).all()
        assert (first["b"].x[-1] != second["b"].x[-1]).any()

    @pytest.mark.parametrize(("seed", "given"), [(-1, "-1"), (0.5, "0.5"), ("a", "text 'a'")])
    def test_wrong_ones(self, seed: Any, given: str) -> None:
        with pytest.raises(nr.SceneError, match=rf"^simulate: seed: must be .*, got {given}$"):
            run_of(nr.load(REVERSE), seed=seed)

    def test_wrong_device(self) -> None:
        with pytest.raises(nr.UsageError, match="^device 'gpu': must be auto, cpu, cuda or cuda:N$"):
            run_of(nr.load(REVERSE), device="gpu")


CELL = """
import noisereel as nr
class Mine(nr.Sampler):
    def step(self, x, t, s, ctx, carry):
        return nr.Step(x * {factor})
"""


def cell(text: str, **names: Any) -> dict[str, Any]:
    """Run code as a notebook does: its module has no file."""
    space = {"__name__": "__main__", **names}
    exec(compile(text, "<cell>", "exec"), space)
    return space


class Counted(nr.Dataset):
    """A data set that an open file makes impossible to key."""

    model_config = {"arbitrary_types_allowed": True}  # noqa: RUF012
    file: Any

    def load(self, ctx: nr.LoadContext) -> nr.Data:
        return nr.Data(torch.ones(3, 2))


class TestCaching:
    def simulate(self, folder: Path, **values: Any) -> np.ndarray:
        scene = nr.Scene(**{**FORWARD, "schedule": Cosine(steps=2), "denoiser": Gaussian(), "particles": 5, **values})
        return run_of(scene, cache=folder).x

    def test_a_schedule_that_remembers_does_not_spoil_the_cache(self, tmp_path: Path) -> None:
        code = "import noisereel as nr\nK = 1.0\nclass Mine(nr.BetaSchedule):\n    def betas(self):\n"
        space = cell(f"import numpy as np\n{code}        return np.full(2, K / 10)")
        old = space["Mine"]()
        first = self.simulate(tmp_path, schedule=old, sampler="forward")
        space["K"] = 3.0
        assert (self.simulate(tmp_path, schedule=old, sampler="forward") == first).all()
        fresh = self.simulate(tmp_path, schedule=space["Mine"](), sampler="forward")
        assert (fresh == self.simulate(tmp_path / "other", schedule=space["Mine"](), sampler="forward")).all()
        assert (fresh[-1] != first[-1]).any()

    def test_an_edited_cell_is_another_run(self, tmp_path: Path) -> None:
        halves = self.simulate(tmp_path, sampler=cell(CELL.format(factor=0.5))["Mine"]())
        thirds = self.simulate(tmp_path, sampler=cell(CELL.format(factor=0.25))["Mine"]())
        assert halves[-1] == pytest.approx(thirds[-1] * 4)
        again = cell("\n\n# a comment\n" + CELL.format(factor=0.5))["Mine"]()
        assert (self.simulate(tmp_path, sampler=again) == halves).all()
        assert len([*(tmp_path / "runs").glob("[!.]*")]) == 2

    @pytest.mark.parametrize("change", ["function", "tensor", "module", "default", "closure"])
    def test_what_a_cell_uses_counts(self, tmp_path: Path, change: str) -> None:
        code = {
            "function": "def helper(x): return x * {value}\ndef model(x, level): return helper(x)",
            "tensor": "import torch\nw = torch.full((3000,), 1.0); w[1500] = {value}\n"
            "def model(x, level): return x * w[1500]",
            "module": "import torch\nnet = torch.nn.Linear(2, 2)\nwith torch.no_grad(): net.weight.fill_({value})\n"
            "def model(x, level): return net(x)",
            "default": "def model(x, level, scale={value}): return x * scale",
            "closure": "def make(scale):\n    return lambda x, level: x * scale\nmodel = make({value})",
        }[change]
        code = f"import torch\ntorch.manual_seed(0)\n{code}"
        models = [cell(code.format(value=value))["model"] for value in (0.5, 0.25)]
        first, second = (self.simulate(tmp_path, sampler="ddim", denoiser=model) for model in models)
        assert (first[-1] != second[-1]).any()

    def test_arrays_with_the_same_repr_are_different_runs(self, tmp_path: Path) -> None:
        a = np.zeros((2000, 2))
        b = a.copy()
        b[1000] = 1
        assert repr(a) == repr(b)
        x = [self.simulate(tmp_path, dataset=array, sampler="forward", particles=None) for array in (a, b)]
        assert (x[1][0] - x[0][0]).sum() == 2

    def test_what_cannot_be_keyed_is_not_cached_and_says_so(self, tmp_path: Path) -> None:
        with Path(__file__).open() as file:
            for _ in range(2):
                with pytest.warns(
                    nr.NoisereelWarning, match=r"^run 'run' is not cached: the content of a TextIOWrapper"
                ):
                    self.simulate(tmp_path, dataset=Counted(file=file), sampler="forward")
        assert not (tmp_path / "runs").exists()

    def test_a_run_that_starts_from_it_is_not_cached_either(self, tmp_path: Path) -> None:
        with Path(__file__).open() as file:
            runs = {"a": {"sampler": "forward"}, "b": {"sampler": "ddim", "start": {"run": "a", "at": 2}}}
            scene = nr.Scene(dataset=Counted(file=file), schedule=Cosine(steps=2), denoiser="gaussian", runs=runs)
            with pytest.warns(nr.NoisereelWarning):
                nr.simulate(scene, cache=tmp_path)
        assert not (tmp_path / "runs").exists()

    def test_measurements_are_kept(self, tmp_path: Path) -> None:
        run = run_of(nr.load(REVERSE), cache=tmp_path)
        values = run.metric("entropy")["entropy"]
        (folder,) = (tmp_path / "runs").glob("[!.]*")
        assert (folder / "values.npz").exists()
        assert (run_of(nr.load(REVERSE), cache=tmp_path).metric("entropy")["entropy"] == values).all()


class TestSample:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_it_solves_the_ode_of_a_gaussian(self, dtype: Any) -> None:
        # With a variance-preserving schedule and data N(0, I), the probability-flow ODE keeps particles in place.
        x = np.random.default_rng(0).standard_normal((200, 2)).astype(dtype)
        errors = []
        for steps in (20, 40):
            end = nr.sample(gaussian, Cosine(steps=1000), DDIM(steps=steps), x)
            assert isinstance(end, np.ndarray) and end.dtype == dtype and end.shape == x.shape
            errors.append(np.abs(end - x).max())
        assert errors[1] < 0.7 * errors[0] < 0.2

    def test_it_is_the_loop_of_scenes(self) -> None:
        scene = nr.Scene(dataset=np.zeros((1, 2)), schedule=Linear(steps=30), sampler=DDPM(), denoiser=gaussian,
                         particles=40, seed=4)  # fmt: skip
        run = run_of(scene)
        end = nr.sample(gaussian, Linear(steps=30), DDPM(), torch.from_numpy(run.x[0].copy()), seed=4)
        assert isinstance(end, torch.Tensor) and (end.numpy() == run.x[-1]).all()

    def test_names_and_several_samplers(self) -> None:
        x = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
        there = nr.sample(gaussian, "cosine", ["ddim", Forward(steps=5)], x)
        assert there.shape == x.shape
        # back at T, with the schedule's noise; only the first half is deterministic
        assert (there != x).any() and there.std().item() == pytest.approx(1, abs=0.2)

    def test_x_is_not_changed(self) -> None:
        x = torch.ones(4, 2)
        nr.sample(gaussian, "cosine", DDIM(steps=3), x)
        assert (x == 1).all()

    def test_data_for_samplers_that_use_them(self) -> None:
        x, data = np.zeros((4, 2), np.float32), np.full((4, 2), 0.3, np.float32)
        end = nr.sample(gaussian, Cosine(steps=10), RePaint(given="left"), x, data=-data)
        assert end[:, 0] == pytest.approx(-0.3)

    @pytest.mark.parametrize("parameters", ["labels", "*, labels", "labels=7", "classes", "scale=None", "**rest"])
    def test_models_with_more_parameters(self, parameters: str) -> None:
        code = f"def model(x, level, {parameters}):\n    seen.append(locals())\n    return x"
        seen: list[dict[str, Any]] = []
        nr.sample(cell(code, seen=seen)["model"], "cosine", DDIM(steps=3), torch.ones(4, 2))
        name = parameters.strip("*, ").partition("=")[0]
        assert len(seen) == 3 and all(call[name] == ({} if name == "rest" else None) for call in seen)

    @pytest.mark.parametrize(
        ("model", "message"),
        [
            (lambda x, level: x[:2], "denoiser <lambda>: must return the shape of x, (5, 2), not (2, 2)"),
            (
                lambda x, level: x.numpy(),
                "denoiser <lambda>: must return a tensor like x, not an array of shape (5, 2)",
            ),
            (lambda x, level: x.mul_(2), "denoiser <lambda>: must not change x in place"),
            (lambda x, level: x.long(), "denoiser <lambda>: must return floats, not int64"),
            (lambda x, level: x.cfloat(), "denoiser <lambda>: must return floats, not complex64"),
            (lambda x, level: None, "denoiser <lambda>: must return a tensor like x, not a NoneType"),
            (lambda x, level: 1 / 0, "denoiser <lambda> (t = 1000): ZeroDivisionError: division by zero"),
        ],
    )
    def test_wrong_models(self, model: Callable[..., Any], message: str) -> None:
        with pytest.raises(nr.PluginError) as error:
            nr.sample(model, "cosine", DDIM(), torch.ones(5, 2))
        assert str(error.value) == message

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"model": 3}, "model: must be a function (x, level) -> x0"),
            (
                {"model": Gaussian()},
                "model: Gaussian is a denoiser; bind it first: denoiser.bind(DenoiserContext(data, schedule, device))",
            ),
            ({"schedule": "cosin"}, "schedule: unknown schedule 'cosin'; did you mean 'cosine'?"),
            ({"sampler": TwoMoons()}, "sampler: must be the name of a sampler or a Sampler, got the dataset TwoMoons"),
            (
                {"sampler": RePaint()},
                "sampler RePaint (t = 1000 to 999): it takes the given parts from data, and there are none",
            ),
            ({"sampler": []}, "sampler: name at least one"),
            ({"seed": -1}, "seed must be a whole number from 0 to 1,000,000,000,000,000,000, got -1"),
            ({"seed": 1.5}, "seed must be a whole number from 0 to 1,000,000,000,000,000,000, got 1.5"),
            ({"seed": True}, "seed must be a whole number from 0 to 1,000,000,000,000,000,000, got True"),
            ({"x": np.array([[object()]])}, "x: must be an array of numbers, got one of dtype object"),
            (
                {"x": torch.ones(3, 2, device="meta")},
                "x: must be a dense tensor with content, got torch.strided on meta",
            ),
            ({"x": [1, 2]}, "x: must be an array or a tensor of shape (n, *event)"),
            ({"x": np.ones(3)}, "x: must hold floats, shape (n, *event), got torch.float64 of shape (3,)"),
            ({"x": np.ones((3, 2), int)}, "x: must hold floats, shape (n, *event), got torch.int64 of shape (3, 2)"),
            ({"x": np.full((3, 2), np.nan)}, "x: contains NaN or infinite values"),
            ({"data": np.full((3, 2), np.nan)}, "data: the array contains NaN or infinite values (in float32)"),
        ],
    )
    def test_wrong_inputs(self, change: dict[str, Any], message: str) -> None:
        given = {"model": gaussian, "schedule": "cosine", "sampler": DDIM(), "x": torch.ones(5, 2), **change}
        with pytest.raises(nr.NoisereelError) as error:
            nr.sample(**given)
        assert str(error.value) == message
