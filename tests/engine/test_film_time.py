"""Time in finished films: which visit each frame of a file shows, and when there is a time bar."""

from __future__ import annotations

import numpy as np
import pytest

ONE = """\
dataset: {two-moons: {n: 60}}
schedule: {linear: {steps: 8}}
denoiser: empirical
sampler: [forward, {ddim: {eta: 0}}]
film: {frames: 17, fps: 20, hold: 0, size: [160, 120], ease: linear}
"""


@pytest.fixture
def film(noisereel, tmp_path, pixels):
    """The frames of the film with settings, and a still of every visit."""
    (tmp_path / "acts.yaml").write_text(ONE)

    def drawn(*settings):
        more = [word for setting in settings for word in ("--set", setting)]
        assert noisereel("render", "acts.yaml", "-o", "film-{frame:02d}.png", "--quiet", *more).code == 0
        return np.concatenate([pixels(path) for path in sorted(tmp_path.glob("film-*.png"))])

    return drawn


def places(frames, visits):
    """The visit that each frame is the picture of."""
    return [[np.array_equal(frame, visit) for visit in visits].index(True) for frame in frames]


def test_acts_are_shown_one_after_the_other_and_every_order_is_exact(film):
    visits = film()
    # There and back: every visit looks different, but for those of the same time on the way of the flow.
    assert places(visits, visits) == list(range(17))
    assert places(film("film.reverse=true"), visits) == list(range(16, -1, -1))
    assert places(film("film.frames=5", "film.boomerang=true")[:9], visits) == [0, 4, 8, 12, 16, 12, 8, 4, 0]


def test_easing_poster_and_slow_motion_in_a_film(film):
    visits = film()
    # 16·(3u² − 2u³) at u = i/8 is 0, 0.69, 2.5, 5.06, 8 …; Python rounds 2.5 to 2.
    eased = [0, 1, 2, 5, 8, 11, 14, 15, 16]
    assert places(film("film.frames=9", "film.ease=in-out")[:9], visits) == eased
    assert places(film("film.frames=9", "film.ease=in-out", "film.poster=true")[:10], visits) == [16, *eased]


@pytest.mark.parametrize(("panels", "moving"), [("[{at: 3}, {at: 8}]", False), ("[{at: 3}, {}]", True)])
def test_a_time_bar_is_shown_only_where_something_moves(film, panels, moving):
    with_bar, without = (film("film.frames=1", f"panels={panels}", f"film.time_bar={bar}") for bar in ("true", "false"))
    assert np.array_equal(with_bar, without) != moving


def test_a_run_that_learns_has_training_steps_instead_of_times(noisereel, tmp_path):
    text = """\
dataset: two-moons
schedule: {linear: {steps: 8}}
denoiser: {mlp: {steps: 100}}
sampler: ddim
training: {snapshots: 5}
film: {align: t, slow: [{at: 50}, {at: 0, by: log-snr}]}
"""
    (tmp_path / "learns.yaml").write_text(text)
    learns = "run 'run' is shown as its denoiser learns, at one noise level"
    said = f"learns.yaml:6:47: film.slow.1.by: {learns}; give 'at' in training steps, by t\n"
    assert noisereel("validate", "learns.yaml") == (2, "", said)
    assert noisereel("validate", "learns.yaml", "--set", "film.slow=[{at: 50}]").code == 0
    late = noisereel("validate", "learns.yaml", "--set", "film.slow=[{at: 101}]")
    assert late.err.endswith("film.slow.0.at: must be where the film is: run 'run' goes from 0 to 100, got 101\n")
