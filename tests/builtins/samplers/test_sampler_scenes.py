"""Samplers in whole runs: from a scene, through the registry and the loop, to the trajectory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch

from noisereel.contracts.renderer import RunView
from noisereel.registry.registry import Registry, load_registry
from noisereel.scene import parse_scene
from noisereel.simulation.measurements import state_at
from noisereel.support.errors import SceneError
from simulating import context, every_visit, simulated

AWKWARD = Path(__file__).parents[2] / "awkward.py"
HEAD = "dataset: {swiss-roll: {n: 64}}\ndenoiser: gauss\nparticles: 48\n"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry([AWKWARD])


@pytest.fixture
def run_scene(registry: Registry, tmp_path: Path) -> Callable[[str], Mapping[str, RunView]]:
    """Return a function that simulates the runs of a scene in memory, with every visit kept."""

    def simulate_text(text: str) -> Mapping[str, RunView]:
        scene = parse_scene(HEAD + text, "test.yaml", tmp_path, registry)
        return simulated(scene, context(registry, tmp_path), every_visit(scene))

    return simulate_text


def last(run: RunView) -> torch.Tensor:
    return torch.tensor(run.trajectory.series("x", len(run.trajectory) - 1))


SAMPLERS = [
    "{annealed-langevin: {repeats: 60}}",
    "accelerated-ddim",
    "{ddpm: {variance: 0.3}}",
    "{deis: {order: 4, polynomial: log-sigma}}",
    "{dpm-solver: {order: 3, sde: true}}",
    "{dpm-solver: {order: 3, published: true, spacing: log-snr}}",
    "euler",
    "euler-ancestral",
    "flow-euler",
    "flow-heun",
    "{heun: {spacing: {karras: {rho: 5}}}}",
    "{karras: {churn: 5}}",
    "{ode: {steps: 4}}",
    "{predictor-corrector: {corrections: 2}}",
    "{reverse-sde: {temperature: 0.5}}",
    "{rk4: {steps: 5, spacing: {t-min: {t: 0.5, of: quadratic}}}}",
    "{unipc: {spacing: {times: [12, 9, 5, 2, 0]}}}",
]


@pytest.mark.parametrize("schedule", ["{linear: {steps: 12}}", "{edm: {steps: 12}}", "{rectified-flow: {steps: 12}}"])
def test_every_reverse_sampler_reaches_the_data_in_a_run(run_scene, schedule: str) -> None:
    """Start from the prior, in float32: the data's standard deviation of 0.5 is reached roughly, in a few steps."""
    runs = "".join(f"  r{i}: {{sampler: {text}}}\n" for i, text in enumerate(SAMPLERS))
    runs = run_scene(f"schedule: {schedule}\nruns:\n{runs}")
    assert len(runs) == len(SAMPLERS)
    for text, run in zip(SAMPLERS, runs.values(), strict=True):
        std = float(last(run).std())
        assert 0.2 < std < 1.1, (text, std)
        assert run.trajectory.series("x0", 0) is not None
        assert run.trajectory.calls[-1] >= 4


def test_zero_terminal_snr_of_another_schedule_in_a_scene(run_scene) -> None:
    run = run_scene("schedule: {zero-terminal-snr: {of: {linear: {steps: 6}}}}\nsampler: ddim\n")["run"]
    assert (run.trajectory.levels[0].alpha, run.trajectory.levels[0].sigma) == (0.0, 1.0)
    assert bool(torch.isfinite(last(run)).all())


def test_scaled_linear_is_quadratic_by_its_other_name(run_scene) -> None:
    text = "runs: {a: {schedule: {quadratic: {steps: 9}}}, b: {schedule: {scaled-linear: {steps: 9}}}}\nsampler: ddim\n"
    a, b = run_scene(text).values()
    assert a.trajectory.levels == b.trajectory.levels


def test_there_and_back_through_inversion(run_scene) -> None:
    run = run_scene("schedule: {vp: {steps: 200}}\nsampler: [ddim-inversion, ddim]\n")["run"]
    assert [run.trajectory.levels[i].t for i in (0, 200, 400)] == [0, 200, 0]
    torch.testing.assert_close(last(run), torch.tensor(run.trajectory.series("x", 0)), rtol=0, atol=0.1)


def test_inpainting_from_the_prior_keeps_the_given_rows(run_scene) -> None:
    text = "schedule: {linear: {steps: 12}}\nsampler: {repaint: {given: [1, 0], jump: 4, repeats: 2}}\n"
    run = run_scene(text)["run"]
    clean = run.trajectory.data.x0[:48]
    assert torch.equal(last(run)[:, 0], clean[:, 0])
    assert not torch.equal(last(run)[:, 1], clean[:, 1])
    assert [level.t for level in run.trajectory.levels][:13] == [12, 11, 10, 9, 8, 7, 6, 5, 6, 7, 8, 9, 8]


def test_the_density_is_recorded_with_its_state(run_scene) -> None:
    """log_prior − log_det is the log-density of the Gaussian at every visit, including the first and the last."""
    run = run_scene("schedule: {vp: {steps: 6}}\nsampler: {ode: {likelihood: true}}\n")["run"]
    first = run.trajectory.levels[0]
    for index, level in enumerate(run.trajectory.levels):
        state = state_at(run.trajectory, index, torch.device("cpu"))
        variance = level.alpha**2 * 0.25 + level.sigma**2
        known = -(state.x.square() / variance + torch.log(torch.tensor(2 * torch.pi * variance))).sum(1) / 2
        log_density = state.aux["log_prior"] - state.aux["log_det"]
        # The prior is N(0, 1); x_T is slightly narrower, by less than 1e-3 with this little of the data left at T.
        torch.testing.assert_close(log_density, known, rtol=0, atol=3e-3)
    assert first.alpha < 0.01
    assert float(state_at(run.trajectory, 0, torch.device("cpu")).aux["log_det"].abs().max()) == 0


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        ("{repaint: {given: [1, 0, 1]}}", "the mask must have the size of a sample, 2, got 3"),
        ("{bridge: {end: [1.5]}}", "'end' must have 2 numbers, one per coordinate, got 1"),
    ],
)
def test_samplers_that_do_not_fit_the_data_are_refused(run_scene, sampler: str, message: str) -> None:
    with pytest.raises(SceneError) as error:
        run_scene(f"schedule: {{linear: {{steps: 12}}}}\nsampler: {sampler}\n")
    assert str(error.value) == f"test.yaml:5:10: sampler: {message}"


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        ("{bridge: {until: 99}}", "'until' must be above 0 and at most T = 12, got 99"),
        ("{ddim: {spacing: {times: [20, 0]}}}", "times must be at most 12, where particles begin, got 20"),
        ("{ddim: {spacing: {t-min: {t: 12}}}}", "t must be below 12, where particles begin, got 12"),
        (
            "{ddim: {steps: 40, spacing: trailing}}",
            "trailing spacing visits integer times: from t = 12 it allows 12 steps at most, got 40",
        ),
        (
            "[ddim, interpolation]",
            "needs clean samples, but the run begins in noise, at t = 12: use 'start: marginal'",
        ),
        ("[ddim, heun]", "it removes noise, but the particles are already clean data, at t = 0"),
        (
            "[ddim, {repaint: {spacing: karras}}]",
            "it removes noise, but the particles are already clean data, at t = 0",
        ),
    ],
)
def test_samplers_that_do_not_fit_the_schedule_are_refused(run_scene, sampler: str, message: str) -> None:
    with pytest.raises(SceneError) as error:
        run_scene(f"schedule: {{linear: {{steps: 12}}}}\nsampler: {sampler}\n")
    assert str(error.value) == f"test.yaml:5:10: sampler: {message}"


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ("[1, 2]", "test.yaml:5:24: sampler.repaint.1: must be between 0 and 1, got 2"),
        ("[[1, 2], [0, 1]]", "test.yaml:5:25: sampler.repaint.0.1: must be between 0 and 1, got 2"),
    ],
)
def test_the_wrong_entry_of_a_mask_is_named(run_scene, mask: str, message: str) -> None:
    """Among the field's types, report the error for the one that all other numbers fit."""
    with pytest.raises(SceneError) as error:
        run_scene(f"schedule: {{linear: {{steps: 12}}}}\nsampler: {{repaint: {mask}}}\n")
    assert str(error.value) == message
