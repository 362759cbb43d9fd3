"""Warnings of likely mistakes: reported once, with their place."""

import pytest

from noisereel.registry.registry import load_registry
from noisereel.scene import parse_scene
from noisereel.simulation.lint import lint
from noisereel.simulation.plan import plan_runs

SHORT = "dataset: swiss-roll\nschedule: {linear: {steps: 50, beta_end: 0.05}}\ndenoiser: empirical\nsampler: "


@pytest.fixture(scope="module")
def warnings(tmp_path_factory):
    """Return a function that parses a scene and returns its warnings."""
    registry, folder = load_registry(), tmp_path_factory.mktemp("scene")

    def lines(text):
        scene = parse_scene(text, "a.yaml", folder, registry)
        return [str(problem) for problem in lint(scene, plan_runs(scene))]

    return lines


def test_a_reverse_run_that_starts_from_too_little_noise_is_warned_of(warnings):
    message = "a.yaml:2:11: schedule: at t = T = 50, 52 % of the data is left: use more steps or a larger beta_end"
    assert warnings(SHORT + "ddim\n") == [message]
    assert warnings(SHORT + "ddim\nstart: prior\n") == [message]
    assert warnings("runs: {a: {}, b: {sampler: ddpm}}\npanels: [{run: a}]\n" + SHORT + "ddim\n") == [
        message.replace(":2:", ":4:")  # once, though two runs share it
    ]


@pytest.mark.parametrize("rest", ["forward\n", "ddim\nstart: marginal\n", "[forward, ddim]\n"])
def test_runs_that_start_elsewhere_are_not(warnings, rest):
    assert warnings(SHORT + rest) == []


def test_the_default_ends_in_noise(warnings):
    assert warnings(SHORT.replace(", beta_end: 0.05", "") + "ddim\n") == []
