"""The timestep loop: visited times, initial states, noise, and errors of samplers."""

import math
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from noisereel.registry.registry import load_registry
from noisereel.scene import parse_scene
from noisereel.simulation.measurements import state_at
from noisereel.support.errors import PluginError, SceneError
from simulating import bound, context, every_visit, simulated

AWKWARD = Path(__file__).parents[2] / "awkward.py"
HEAD = "dataset: {swiss-roll: {n: 300}}\nschedule: {linear: {steps: 20}}\ndenoiser: empirical\n"
GAUSS = "dataset: {swiss-roll: {n: 200}}\nschedule: {linear: {steps: 20, beta_end: 0.3}}\ndenoiser: gauss\n"


@pytest.fixture(scope="module")
def registry():
    return load_registry([AWKWARD])


@pytest.fixture
def runs_of(registry, tmp_path, device):
    """Return a function that simulates the runs of a scene in memory, with every visit kept."""

    def simulate_text(text, head=HEAD):
        scene = parse_scene(head + text, "test.yaml", tmp_path, registry)
        return simulated(scene, context(registry, tmp_path, device=device), every_visit(scene))

    return simulate_text


def states(run, of="x"):
    return torch.stack([torch.tensor(run.trajectory.series(of, i)) for i in range(len(run.trajectory))])


def test_forward_visits_every_time_and_records_its_noise(runs_of):
    run = runs_of("sampler: forward")["run"]
    assert [level.t for level in run.trajectory.levels] == list(range(21))
    for t in (1, 13, 20):
        a, b = run.trajectory.levels[t - 1], run.trajectory.levels[t]
        gain = b.alpha / a.alpha
        std = (b.sigma**2 - gain**2 * a.sigma**2) ** 0.5
        rebuilt = gain * run.trajectory.series("x", t - 1) + std * run.trajectory.series("noise", t)
        assert abs(rebuilt - run.trajectory.series("x", t)).max() < 1e-5


def test_acts_follow_one_another_and_share_the_state_between(runs_of):
    run = runs_of("sampler: [forward, {ddim: {steps: 5}}]")["run"]
    assert [level.t for level in run.trajectory.levels] == [*range(21), 16, 12, 8, 4, 0]
    assert list(run.trajectory.acts) == [0] * 20 + [1] * 6
    assert list(run.trajectory.calls) == [0] * 20 + [1, 2, 3, 4, 5, 5]
    assert run.trajectory.series("x0", 19) is None
    assert run.trajectory.series("x0", 20) is not None
    assert run.trajectory.series("noise", 20) is not None
    assert run.trajectory.series("x0", 25) is None


def test_same_seed_same_states_other_seed_others(runs_of):
    a, b = runs_of("sampler: ddpm"), runs_of("sampler: ddpm")
    other = runs_of("sampler: ddpm\nseed: 1")
    assert torch.equal(states(a["run"]), states(b["run"]))
    assert not torch.equal(states(a["run"])[0], states(other["run"])[0])


def test_runs_with_the_same_times_share_their_noise_and_copies_do_not(runs_of):
    runs = runs_of("runs: {a: {sampler: ddpm}, b: {sampler: {ddim: {eta: 1}}}, c: {sampler: ddpm, copies: 2}}")
    assert torch.equal(states(runs["a"])[0], states(runs["b"])[0])
    assert abs(states(runs["a"]) - states(runs["b"])).max() < 1e-4  # DDIM with η = 1 is DDPM
    assert torch.equal(states(runs["a"]), states(runs["c.1"]))
    assert not torch.equal(states(runs["c.1"])[0], states(runs["c.2"])[0])


def test_a_repeated_step_draws_new_noise(runs_of):
    run = runs_of("sampler: {corrector: {steps: 4, repeats: 3}}")["run"]
    assert [level.t for level in run.trajectory.levels][:8] == [20, 15, 20, 15, 20, 15, 10, 15]
    up = [run.trajectory.series("noise", i) for i in (2, 4, 7)]
    assert abs((up[0] * up[1]).mean()) < 0.2
    assert not (up[0] == up[1]).any()


def test_fewer_particles_are_the_same_particles(runs_of):
    few = states(runs_of("sampler: ddpm\nparticles: 7")["run"])
    many = states(runs_of("sampler: ddpm\nparticles: 300")["run"])
    assert abs(few - many[:, :7]).max() < 1e-5


def test_particles_repeat_the_data(runs_of):
    run = runs_of("sampler: forward\nparticles: 650")["run"]
    assert list(run.trajectory.origin) == [i % 300 for i in range(650)]
    assert (run.trajectory.series("x", 0)[:300] == run.trajectory.series("x", 0)[300:600]).all()
    assert (run.trajectory.hue[:50] == run.trajectory.hue[600:]).all()


@pytest.mark.parametrize(("schedule", "std"), [("{linear: {steps: 20}}", 1.0), ("{random-walk: {steps: 16}}", 4.0)])
def test_the_prior_has_the_schedules_width(runs_of, schedule, std):
    run = runs_of("sampler: ddim\nparticles: 5000", HEAD.replace("{linear: {steps: 20}}", schedule))["run"]
    assert abs(run.trajectory.series("x", 0).std() - std) < 5 * std / 10_000**0.5 * 0.71
    assert run.trajectory.origin is None


def test_the_marginal_keeps_the_origin(runs_of):
    run = runs_of("sampler: ddim\nstart: marginal")["run"]
    level, x0 = run.trajectory.levels[0], run.trajectory.data.x0.numpy()
    residual = (run.trajectory.series("x", 0) - level.alpha * x0) / level.sigma
    assert abs(residual.mean()) < 5 / 600**0.5
    assert abs(residual.std() - 1) < 5 * 0.71 / 600**0.5


def test_a_run_starts_from_the_state_of_another(runs_of):
    runs = runs_of("runs: {back: {sampler: ddim, start: {run: there, at: 12.4}}, there: {sampler: forward}}")
    assert runs["back"].trajectory.levels[0].t == 12
    assert (runs["back"].trajectory.series("x", 0) == runs["there"].trajectory.series("x", 12)).all()
    assert (runs["back"].trajectory.origin == runs["there"].trajectory.origin).all()
    assert (runs["back"].trajectory.hue == runs["there"].trajectory.hue).all()


def test_a_reverse_run_cannot_start_from_clean_data(runs_of):
    with pytest.raises(SceneError) as caught:
        runs_of("sampler: ddim\nstart: data")
    message = "the run begins at t = 20, where data is noisy: use 'start: marginal', not 'start: data'"
    assert str(caught.value) == f"test.yaml:5:8: start: {message}"


def test_gradients_stay_enabled_for_the_caller(registry, tmp_path):
    scene = parse_scene(HEAD + "sampler: ddim", "test.yaml", tmp_path, registry)
    run = bound(scene, registry, tmp_path)
    assert all(torch.is_grad_enabled() for _ in run.states())


def test_carried_history_makes_a_second_order_method(runs_of):
    errors = []
    for steps in (20, 40, 80):
        text = f"sampler: {{two-step: {{steps: {steps}, spacing: even-ratio}}}}\nparticles: 200"
        run = runs_of(text, GAUSS)["run"]
        first, last = run.trajectory.levels[0], run.trajectory.levels[-1]
        # The probability flow of data N(0, s²) is a scaling: x_t/√(α²s² + σ²) is constant.
        scale = ((0.25 * last.alpha**2 + last.sigma**2) / (0.25 * first.alpha**2 + first.sigma**2)) ** 0.5
        errors.append(
            abs(run.trajectory.series("x", len(run.trajectory) - 1) - scale * run.trajectory.series("x", 0)).mean()
        )
    slopes = [math.log2(a / b) for a, b in pairwise(errors)]
    assert slopes == pytest.approx([2, 2], abs=0.25)


def test_an_adaptive_solver_treats_each_particle_independently(runs_of):
    text = "sampler: {adaptive: {steps: 4, tolerance: 0.02}}\nparticles: "
    many, one = runs_of(text + "40")["run"], runs_of(text + "1")["run"]
    assert abs(states(many)[:, :1] - states(one)).max() < 1e-5
    pieces = [state_at(many.trajectory, i, torch.device("cpu")).aux["pieces"] for i in range(4)]
    assert {float(k) for step in pieces for k in step} >= {2.0, 4.0}
    assert state_at(many.trajectory, 4, torch.device("cpu")).aux == {}
    assert float(pieces[1][0]) == float(state_at(one.trajectory, 1, torch.device("cpu")).aux["pieces"][0])


def test_errors_of_samplers_name_them(runs_of, registry, tmp_path):
    file = tmp_path / "bad.py"
    file.write_text(
        "from noisereel import Sampler, Step, hookimpl\n"
        "class Bad(Sampler):\n"
        "    way: str = 'raise'\n"
        "    'Kind of failure.'\n"
        "    def path(self, schedule, start):\n"
        "        return {'late': [30.0], 'none': []}.get(self.way, [20.0, 10.0])\n"
        "    def step(self, x, t, s, ctx, carry):\n"
        "        if self.way == 'shape': return Step(x[:, :1])\n"
        "        raise KeyError('lost')\n"
        "@hookimpl\n"
        "def register_samplers(register): register('bad', Bad)\n"
    )
    bad_registry = load_registry([file])

    def message(way):
        scene = parse_scene(HEAD + f"sampler: {{bad: {{way: {way}}}}}", "test.yaml", tmp_path, bad_registry)
        with pytest.raises(PluginError) as caught:
            run = bound(scene, registry, tmp_path)
            list(run.states())
        return str(caught.value)

    assert message("raise") == "sampler Bad (t = 20 to 10): KeyError: 'lost'"
    assert message("shape") == "Bad.step gave particles of shape (300, 1), not (300, 2)"
    assert message("late") == "run 'run': sampler Bad (path): visits t = 30, outside [0, 20]"
    assert message("none") == "run 'run': sampler Bad (path): gave no times"


def test_the_error_of_unreadable_data_has_its_place_in_the_scene(registry, tmp_path):
    text = "schedule: linear\nsampler: forward\ndataset:\n  image: nowhere.png\n"
    scene = parse_scene(text, "test.yaml", tmp_path, registry)
    with pytest.raises(SceneError) as caught:
        bound(scene, registry, tmp_path)
    assert str(caught.value).startswith("test.yaml:4:3: dataset")
    assert "nowhere.png" in str(caught.value)
