"""Embedding: one layout of all visits; pictures that don't overlap, and discs for the rest."""

import numpy as np
import pytest
from recording import DARK, SCHEDULE, panel_ctx, run_view

from noisereel.contracts import marks
from noisereel.contracts.renderer import Moment
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.theme import rgb
from noisereel_builtins.renderers.plane.embedding import Embedding

CTX = panel_ctx((-1.0, 1.0), (-1.0, 1.0), (520, 520))
LAYER = Embedding(perplexity=10, iterations=500)


def two_groups(event_shape=(8, 8), n=40, visits=2):
    """Return particles half near −1 and half near 1, in many dimensions, with small differences between visits."""
    rng = np.random.default_rng(0)
    middle = np.repeat([-1.0, 1.0], n // 2).reshape(n, *(1 for _ in event_shape))
    return middle + rng.normal(0, 0.1, (visits, n, *event_shape))


def marks_of(layer, run, index=0):
    images, points = [], []
    for mark in layer.marks(run, Moment(index, run.trajectory.levels[index], 0.0), CTX):
        (images if isinstance(mark, marks.Image) else points).append(mark)
    return images, points


def test_neighbours_are_close_in_one_layout_of_all_visits():
    run = run_view(two_groups(event_shape=(20,)))
    positions = [run.value(LAYER.probes(CTX)[0], index)["xy"] for index in (0, 1)]
    (_, (points,)) = marks_of(LAYER, run)
    np.testing.assert_array_equal(points.xy, positions[0])
    both = np.concatenate(positions)
    assert np.linalg.norm(both, axis=1).max() == pytest.approx(1, abs=1e-6)
    group = np.tile(np.repeat([0, 1], 20), 2)
    distance = np.linalg.norm(both[:, None] - both, axis=2) + 9 * np.eye(len(both))
    assert (group[distance.argmin(1)] == group).all()
    # Not one layout per visit: a nearest neighbour comes from either visit with equal probability.
    visit = np.repeat([0, 1], 40)
    assert 0.2 < (visit[distance.argmin(1)] == visit).mean() < 0.8


def test_the_layout_is_deterministic():
    np.random.seed(5)  # a layout that used the global generator would depend on it
    first = run_view(two_groups(event_shape=(5,))).value(LAYER.probes(CTX)[0], 1)["xy"]
    np.random.seed(6)
    np.testing.assert_array_equal(run_view(two_groups(event_shape=(5,))).value(LAYER.probes(CTX)[0], 1)["xy"], first)


def test_pictures_do_not_overlap_and_the_rest_are_discs():
    x = two_groups(n=60)
    run = run_view(x, hue=np.linspace(0, 1, 60))
    images, (points,) = marks_of(LAYER, run, 1)
    assert 4 < len(images) < 60
    assert len(points.xy) == 60 - len(images)
    assert len(points.color.index) == len(points.xy)
    boxes = np.array([image.box for image in images])
    middles = np.stack([boxes[:, :2].mean(1), boxes[:, 2:].mean(1)], 1)
    distance = np.abs(middles[:, None] - middles).max(2) + 9 * np.eye(len(images))
    assert distance.min() >= 26 / 520 * 2 - 1e-9
    # Every particle is drawn once, as a picture or as a disc.
    positions = np.concatenate([middles, points.xy])
    expected = run.value(LAYER.probes(CTX)[0], 1)["xy"]
    np.testing.assert_allclose(positions[np.lexsort(positions.T)], expected[np.lexsort(expected.T)], atol=1e-6)
    first = images[0]
    assert first.pixels.shape == (8, 8, 4)
    assert tuple(first.pixels[0, 0, :3]) == rgb("#{:02X}{:02X}{:02X}".format(*DARK.gradient()[0]))
    np.testing.assert_allclose(first.pixels[..., 3] / 255, np.clip((x[1, 0] + 1) / 2, 0, 1), atol=1 / 255)


@pytest.mark.parametrize(("particles", "points"), [(5, "25"), (5000, "25,000")])
def test_too_few_or_too_many_points_are_refused_before_the_run(particles, points):
    data, levels = run_view(two_groups()).trajectory.data, [SCHEDULE.at(t) for t in range(5)]
    run = RunInfo(name="run", data=data, levels=levels, particles=particles)
    assert Embedding().check(run) == (
        f"embeds all particles at all visits of run 'run', {points} points: the number must be above the perplexity "
        "of 30 and at most 20,000; change 'particles' or the sampler's number of steps"
    )
    assert Embedding().check(RunInfo(name="run", data=data, levels=levels, particles=100)) is None
