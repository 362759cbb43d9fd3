"""Embedding: one layout of all visits; pictures that don't overlap, discs for the others."""

import numpy as np
import pytest

from noisereel.contracts import marks
from noisereel.contracts.renderer import Moment
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.theme import rgb
from noisereel_builtins.renderers.plane.embedding import Embedding

from .recording import DARK, SCHEDULE, panel_ctx, record

LOOK = panel_ctx((-1.0, 1.0), (-1.0, 1.0), (520, 520))
LAYER = Embedding(perplexity=10, iterations=500)


def two_groups(event_shape=(8, 8), n=40, visits=2):
    """Half of the particles near −1 and half near 1, in many dimensions, a little different from visit to visit."""
    rng = np.random.default_rng(0)
    middle = np.repeat([-1.0, 1.0], n // 2).reshape(n, *(1 for _ in event_shape))
    return middle + rng.normal(0, 0.1, (visits, n, *event_shape))


def drawn(layer, rec, step=0):
    images, points = [], []
    for mark in layer.marks(rec, Moment(step, rec.trajectory.levels[step], 0.0), LOOK):
        (images if isinstance(mark, marks.Image) else points).append(mark)
    return images, points


def test_neighbours_lie_together_at_all_times_in_one_layout():
    rec = record(two_groups(event_shape=(20,)))
    places = [rec.value(LAYER.probes(LOOK)[0], step)["xy"] for step in (0, 1)]
    (_, (points,)) = drawn(LAYER, rec)
    np.testing.assert_array_equal(points.xy, places[0])
    both = np.concatenate(places)
    assert np.linalg.norm(both, axis=1).max() == pytest.approx(1, abs=1e-6)
    group = np.tile(np.repeat([0, 1], 20), 2)
    distance = np.linalg.norm(both[:, None] - both, axis=2) + 9 * np.eye(len(both))
    assert (group[distance.argmin(1)] == group).all()
    # not one layout each, side by side: a nearest neighbour is as likely of the other time
    other = np.repeat([0, 1], 40)
    assert 0.2 < (other[distance.argmin(1)] == other).mean() < 0.8


def test_nothing_in_the_layout_is_left_to_chance():
    np.random.seed(5)  # what a layout that takes the global generator would depend on
    first = record(two_groups(event_shape=(5,))).value(LAYER.probes(LOOK)[0], 1)["xy"]
    np.random.seed(6)
    np.testing.assert_array_equal(record(two_groups(event_shape=(5,))).value(LAYER.probes(LOOK)[0], 1)["xy"], first)


def test_pictures_do_not_overlap_and_the_others_are_discs():
    x = two_groups(n=60)
    rec = record(x, hue=np.linspace(0, 1, 60))
    images, (points,) = drawn(LAYER, rec, 1)
    assert 4 < len(images) < 60
    assert len(points.xy) == 60 - len(images)
    assert len(points.color.index) == len(points.xy)
    boxes = np.array([image.box for image in images])
    middles = np.stack([boxes[:, :2].mean(1), boxes[:, 2:].mean(1)], 1)
    apart = np.abs(middles[:, None] - middles).max(2) + 9 * np.eye(len(images))
    assert apart.min() >= 26 / 520 * 2 - 1e-9
    # Every particle is there once, either way.
    there = np.concatenate([middles, points.xy])
    expected = rec.value(LAYER.probes(LOOK)[0], 1)["xy"]
    np.testing.assert_allclose(there[np.lexsort(there.T)], expected[np.lexsort(expected.T)], atol=1e-6)
    first = images[0]
    assert first.pixels.shape == (8, 8, 4)
    assert tuple(first.pixels[0, 0, :3]) == rgb("#{:02X}{:02X}{:02X}".format(*DARK.gradient()[0]))
    np.testing.assert_allclose(first.pixels[..., 3] / 255, np.clip((x[1, 0] + 1) / 2, 0, 1), atol=1 / 255)


@pytest.mark.parametrize(("particles", "points"), [(5, "25"), (5000, "25,000")])
def test_too_few_or_too_many_points_are_refused_before_the_run(particles, points):
    data, levels = record(two_groups()).trajectory.data, [SCHEDULE.at(t) for t in range(5)]
    run = RunInfo(name="run", data=data, levels=levels, particles=particles)
    said = Embedding().check(run)
    assert said == (
        f"lays out all particles at all visits of run 'run', {points} points: it takes more than its perplexity of 30, "
        "and 20,000 at most; change 'particles', or how often the sampler steps"
    )
    assert Embedding().check(RunInfo(name="run", data=data, levels=levels, particles=100)) is None
