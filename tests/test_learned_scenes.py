"""Scenes of trained denoisers: checks that what they show is correct."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from noisereel.contracts.probe import Probe
from noisereel.contracts.schedule import posterior
from noisereel.registry.registry import load_registry
from noisereel.scene import load_scene
from noisereel_builtins.metrics.distances.energy_distance import EnergyDistance
from noisereel_builtins.metrics.distances.memorisation import Memorisation
from noisereel_builtins.renderers.plane.field import FieldGrid

pytestmark = pytest.mark.slow  # every one of them trains


def end(run, metric, name):
    return float(run.value(metric, len(run.trajectory) - 1)[name])


def recognised(digits, known, labels):
    """Return the class of each digit if its five nearest known ones agree on it, else −1."""
    distance = torch.cdist(torch.as_tensor(digits).flatten(1).double(), known.flatten(1).double())
    nearest = labels[distance.topk(5, largest=False).indices]
    return torch.where((nearest == nearest[:, :1]).all(1), nearest[:, 0], -1).numpy()


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Return a cache folder in which scenes with the same network share its weights."""
    return tmp_path_factory.mktemp("weights")


def test_the_median_distance_to_the_data_falls_from_attempt_to_attempt(runs_of):
    runs = runs_of("mlp-four-attempts")
    data = runs["one"].trajectory.data.x0
    distance = []
    for name in ("one", "two", "three", "four"):
        samples = torch.tensor(runs[name].trajectory.series("x", 50))
        distance.append(float(torch.cdist(samples, data).min(1).values.median()))
        assert runs[name].scalars(50)["median_distance"] == pytest.approx(distance[-1], abs=1e-3)
    first, _, third, fourth = distance
    assert fourth < third < 0.8 * first
    assert max(distance) == pytest.approx(first, rel=0.1)  # time as a plain number changes little
    # The remaining problem of attempt 4: its data at T are still elongated, but its samples start in a round cloud.
    noisy, start = runs["forward"].trajectory.series("x", 50), runs["four"].trajectory.series("x", 0)
    assert runs["four"].trajectory.levels[0].alpha == pytest.approx(0.776, abs=0.001)
    assert np.ptp(noisy.std(0)) > 2 * np.ptp(start.std(0))


def test_training_leads_the_same_noise_to_the_data(runs_of):
    runs = runs_of("mlp-training")
    samples, midway = runs["samples"], runs["midway"]
    last = len(samples.trajectory) - 1
    distance = [float(samples.value(EnergyDistance(), index)["energy_distance"]) for index in (0, last // 3, last)]
    assert distance == sorted(distance, reverse=True)
    assert distance[0] > 0.05 > 0.005 > distance[-1]
    assert samples.trajectory.times == midway.trajectory.times and samples.trajectory.times[-1] == 1500
    losses = [samples.scalars(index)["loss"] for index in range(1, last)]
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:5])


class Estimates(Probe):
    """x̂_0 at the points of a grid."""

    grid: FieldGrid

    def measure(self, state, ctx):
        return {"x0": ctx.model(torch.tensor(self.grid.points()), state.level).numpy()}


def test_the_network_generalises_and_the_exact_denoiser_memorises(runs_of):
    runs = runs_of("exact-vs-learned")
    exact, learned = runs["exact"], runs["learned"]
    assert_array_equal(exact.trajectory.series("x", 0), learned.trajectory.series("x", 0))
    held_out = end(exact, Memorisation(), "memorisation_held_out")
    assert held_out == pytest.approx(0.11, abs=0.01)
    assert end(exact, Memorisation(), "memorisation") > 0.85
    assert end(learned, Memorisation(), "memorisation") < held_out + 0.05
    assert end(learned, EnergyDistance(), "energy_distance") < 0.01
    (layer,) = (layer for layer in _layers("exact-vs-learned") if getattr(layer, "minus", None))
    grid = FieldGrid(of="drift", x=(-1.0, 1.0), y=(-1.0, 1.0), shape=(9, 9), minus=layer.minus)
    ratios = []
    for index in (0, 60, 90, 99):
        level, estimate = learned.trajectory.levels[index], learned.value(Estimates(grid=grid), index)["x0"]
        q = posterior(learned.trajectory.schedule.at(level.t - 1), level)
        x, data = torch.tensor(grid.points()).double(), learned.trajectory.data.x0.double()
        weights = torch.softmax(-((x[:, None] - level.alpha * data) ** 2).sum(-1) / (2 * level.sigma**2), 1)
        difference = q.on_x0 * (torch.tensor(estimate).double() - weights @ data)
        assert_allclose(learned.value(grid, index)["vector"], difference, atol=2e-5)
        drift = q.on_x0 * weights @ data + (q.on_x - 1) * x
        ratios.append(float(difference.norm(dim=1).median() / drift.norm(dim=1).median()))
    assert ratios[0] < 0.1 < 0.3 < ratios[-1]


def _layers(name):
    return [layer for panel in load_scene(name, load_registry()).panels for layer in panel.layers]


def test_new_digits_are_recognised_and_are_not_copies(runs_of, weights):
    """For 90 %, all five real neighbours agree; they are nearly as far from real digits as those from each other."""
    (run,) = runs_of("digits-reverse", cache=weights, particles=600).values()
    digits, known, labels = run.trajectory.series("x", 50), run.trajectory.data.x0, run.trajectory.data.labels
    classes = recognised(digits, known, labels)
    assert (classes >= 0).mean() >= 0.90
    assert np.bincount(classes[classes >= 0], minlength=10).min() >= 0.03 * len(digits)
    requested = labels.numpy()[: len(digits)]
    assert (classes == requested)[classes >= 0].mean() > 0.98
    copies = run.value(Memorisation(), 50)
    assert copies["memorisation"] <= copies["memorisation_held_out"] + 0.05
    real = torch.cdist(known[::2].flatten(1), known[1::2].flatten(1)).min(1).values.median()
    new = torch.cdist(torch.tensor(digits).flatten(1), known.flatten(1)).min(1).values.median()
    assert float(new) > 0.7 * float(real)


def test_the_scenes_recipe_for_mnist_gives_digits_that_are_recognised(runs_of):
    """About as many are recognised as of held-out real digits, 77 %; half of the recipe's steps are enough."""
    comment = load_registry().scenes()["digits-reverse"].read_text(encoding="utf-8")
    ((path, value),) = re.findall(r"--set '([^']*unet)=([^']*)'", comment.replace("\n# ", " "))
    recipe = {path.replace(".", "__"): re.sub(r"steps: \d+", "steps: 1000", value)}
    (run,) = runs_of("digits-reverse", dataset="mnist", **recipe, particles=300).values()
    digits, labels = run.trajectory.series("x", 50), run.trajectory.data.labels
    classes = recognised(digits, run.trajectory.data.x0, labels)
    assert (classes >= 0).mean() >= 0.7
    assert (classes == labels.numpy()[: len(digits)])[classes >= 0].mean() > 0.97
    copies = run.value(Memorisation(), 50)
    assert copies["memorisation"] <= copies["memorisation_held_out"] + 0.05


def test_stronger_guidance_is_more_certain_and_less_varied(runs_of, weights):
    runs = runs_of("digits-guidance", cache=weights, particles=100)
    assert len(list((weights / "denoisers").iterdir())) == 1  # all four runs and the other scene share one network
    known, labels = runs["w0"].trajectory.data.x0, runs["w0"].trajectory.data.labels
    ends = {name: run.trajectory.series("x", 50) for name, run in runs.items()}
    threes = {name: (recognised(digits, known, labels) == 3).mean() for name, digits in ends.items()}
    assert threes["w0"] < 0.3 < 0.7 < threes["w1"] < threes["w3"]
    assert threes["w3"] > 0.95
    spread = [float(ends[name].std(0).mean()) for name in ("w0", "w1", "w3", "w7")]
    assert spread == sorted(spread, reverse=True)


def test_reflow_straightens_the_paths(runs_of):
    """Compare straightness with its definition: the sum of all end-to-end distances over the sum of path lengths."""
    runs = runs_of("rectified-flow")
    straightness = {}
    for name in ("flow", "reflow"):
        trajectory = runs[name].trajectory
        visits = np.stack([trajectory.series("x", index) for index in range(len(trajectory))]).astype(np.float64)
        length = np.linalg.norm(np.diff(visits, axis=0), axis=2).sum()
        straightness[name] = np.linalg.norm(visits[-1] - visits[0], axis=1).sum() / length
        measured = runs[name].scalars(len(trajectory) - 1)["straightness"]
        assert measured == pytest.approx(straightness[name], rel=1e-4)
    assert straightness["flow"] < 0.7 < 0.97 < straightness["reflow"]
    distance = {name: end(run, EnergyDistance(), "energy_distance") for name, run in runs.items()}
    assert max(distance[name] for name in ("flow", "reflow", "reflow 1")) < 0.01
    assert distance["flow 1"] > 0.2  # a single step of the curved flow goes to the mean of the data


def test_every_prediction_reaches_the_data(runs_of):
    runs = runs_of("prediction-types")
    assert list(runs) == ["noise", "data", "v", "velocity"]
    for run in runs.values():
        x, data = torch.tensor(run.trajectory.series("x", len(run.trajectory) - 1)), run.trajectory.data.x0
        assert end(run, EnergyDistance(), "energy_distance") < 0.015
        distance = torch.cdist(x, data).min(1).values
        assert float(distance.median()) < 0.05
        # Samples reach every arm of the data.
        arms = run.trajectory.data.labels[torch.cdist(x, data).argmin(1)]
        assert np.bincount(arms, minlength=5).min() > 0.15 * len(x)
