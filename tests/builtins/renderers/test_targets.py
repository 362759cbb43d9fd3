"""Partial targets: the posterior's weights, and the rays at each visit."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from recording import run_view

from noisereel.contracts import marks
from noisereel.contracts.geometry import Rect, View
from noisereel.contracts.renderer import Moment, RenderContext
from noisereel.contracts.schedule import Level
from noisereel.contracts.theme import THEMES
from noisereel_builtins.renderers.plane.targets import Targets, posterior_weights

CTX = RenderContext(View(Rect(0, 0, 640, 320), (-2.0, 2.0), (-1.0, 1.0), 1.0), THEMES["dark"])
DATA = [[1, 0], [0, 1], [-1, 0]]
UP_AND_DOWN = np.array([[[1, 0]], [[0.6, 0.2]], [[0.5, 0.3]], [[0.7, 0.1]], [[1, 0]]])


def marks_of(layer, run, index, kind):
    moment = Moment(index, run.trajectory.levels[index], 0.5)
    return [mark for mark in layer.marks(run, moment, CTX) if isinstance(mark, kind)]


@pytest.fixture
def there_and_back():
    return run_view(UP_AND_DOWN, data=DATA, times=[0, 1, 2, 1, 0], origin=np.array([0]), hue=[0.25])


@pytest.mark.parametrize("sigma", [1e-3, 0.1, 1.0, 80.0])
@pytest.mark.parametrize("dimensions", [1, 2, 784])
def test_weights_follow_bayes_rule(sigma, dimensions):
    rng = np.random.default_rng(3)
    x0 = rng.normal(size=(50, dimensions))
    t = Level(1.0, 0.8, sigma)
    x = t.alpha * x0[7] + t.sigma * rng.normal(size=dimensions)
    joint = torch.distributions.Normal(torch.tensor(t.alpha * x0), sigma).log_prob(torch.tensor(x)).sum(1)
    expected = (joint - torch.logsumexp(joint, 0)).exp().numpy()
    weights = posterior_weights(x, x0, t)
    assert_allclose(weights, expected, rtol=1e-9, atol=1e-12)
    assert weights.sum() == pytest.approx(1, abs=1e-14)


def test_without_noise_the_nearest_has_all_the_weight():
    x0 = np.array(DATA, float)
    assert_allclose(posterior_weights(x0[1], x0, Level(0, 1.0, 0.0)), [0, 1, 0])


def test_rays_appear_after_the_noisiest_state(there_and_back):
    for index in (0, 1, 2):
        assert not marks_of(Targets(), there_and_back, index, marks.Polylines)
        (ring,) = marks_of(Targets(), there_and_back, index, marks.Points)
        assert_allclose(ring.xy, UP_AND_DOWN[2], rtol=1e-6)
        (name,) = marks_of(Targets(), there_and_back, index, marks.Text)
        assert name.text == "$x_t$"
    assert len(marks_of(Targets(), there_and_back, 3, marks.Polylines)) == 3


def test_back_at_clean_data_rays_reach_the_data_and_the_arrow_their_mean(there_and_back):
    rays = marks_of(Targets(), there_and_back, 4, marks.Polylines)
    (arrow,) = marks_of(Targets(), there_and_back, 4, marks.Arrows)
    t = there_and_back.trajectory.levels[2]
    exponents = [-((0.5 - t.alpha * a) ** 2 + (0.3 - t.alpha * b) ** 2) / (2 * t.sigma**2) for a, b in DATA]
    weights = np.exp(exponents) / np.exp(exponents).sum()
    assert_allclose(sorted(ray.lines[0][1].tolist() for ray in rays), sorted(DATA), atol=1e-12)
    assert_allclose(arrow.tail + arrow.vector, [weights @ np.array(DATA)], atol=1e-6)
    texts = [mark.text for mark in marks_of(Targets(), there_and_back, 4, marks.Text)]
    assert texts == [*(f"{100 * w:.0f} %" for w in sorted(weights, reverse=True)), Targets().label]


def test_likelier_rays_are_wider_and_the_likeliest_are_shown(there_and_back):
    """Expect (1, 0) first, which is nearest to x_t, then (0, 1)."""
    widths = [ray.width for ray in marks_of(Targets(), there_and_back, 4, marks.Polylines)]
    assert widths == sorted(widths)
    alphas = [ray.alpha for ray in marks_of(Targets(), there_and_back, 4, marks.Polylines)]
    assert alphas == sorted(alphas)
    assert alphas[-1] <= 1
    two = marks_of(Targets(rays=2), there_and_back, 4, marks.Polylines)
    assert_allclose([ray.lines[0][1] for ray in two], [[0, 1], [1, 0]], atol=1e-12)
    arrows = [marks_of(Targets(rays=n), there_and_back, 4, marks.Arrows)[0].vector for n in (0, 3)]
    assert_allclose(*arrows)  # the arrow sums over all samples, not only over the rays shown


def test_rays_have_the_colour_of_their_particles(there_and_back):
    rays = marks_of(Targets(), there_and_back, 4, marks.Polylines)
    r, g, b = THEMES["dark"].gradient()[round(0.25 * 255)]
    assert rays[-1].color == f"#{r:02X}{g:02X}{b:02X}"
    assert {ray.color for ray in marks_of(Targets(color="rose"), there_and_back, 4, marks.Polylines)} == {
        THEMES["dark"].color("rose")
    }


def test_a_reverse_run_starts_from_its_noisiest_state():
    run = run_view(UP_AND_DOWN[2:], data=DATA, times=[2, 1, 0])
    assert len(marks_of(Targets(), run, 1, marks.Polylines)) == 3
    assert {ray.color for ray in marks_of(Targets(), run, 1, marks.Polylines)} == {THEMES["dark"].color("muted")}


def test_the_view_covers_the_data_and_the_noisy_point():
    run = run_view(np.array([[[0, 0]], [[5, -3]]]), data=DATA)
    box = Targets().extent(run)
    assert box.x[0] < -1
    assert box.x[1] > 5
    assert box.y[0] < -3
    assert box.y[1] > 1
    assert math.isfinite(box.y[1])
