"""Time in finished films: the visit that each frame shows, and time bars."""

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
    """Return a function that renders the film with settings, and returns its frames."""
    (tmp_path / "acts.yaml").write_text(ONE)

    def render(*settings):
        more = [word for setting in settings for word in ("--set", setting)]
        assert noisereel("render", "acts.yaml", "-o", "film-{frame:02d}.png", "--quiet", *more).code == 0
        return np.concatenate([pixels(path) for path in sorted(tmp_path.glob("film-*.png"))])

    return render


def shown_visits(frames, visits):
    """Return the index of the visit that each frame shows."""
    return [[np.array_equal(frame, visit) for visit in visits].index(True) for frame in frames]


def test_acts_are_shown_in_order_reverse_and_boomerang(film):
    visits = film()
    # Every visit looks different.
    assert shown_visits(visits, visits) == list(range(17))
    assert shown_visits(film("film.reverse=true"), visits) == list(range(16, -1, -1))
    assert shown_visits(film("film.frames=5", "film.boomerang=true")[:9], visits) == [0, 4, 8, 12, 16, 12, 8, 4, 0]


def test_easing_and_poster_in_a_film(film):
    visits = film()
    # 16·(3u² − 2u³) at u = i/8 is 0, 0.69, 2.5, 5.06, 8 …; Python rounds 2.5 to 2.
    eased = [0, 1, 2, 5, 8, 11, 14, 15, 16]
    assert shown_visits(film("film.frames=9", "film.ease=in-out")[:9], visits) == eased
    assert shown_visits(film("film.frames=9", "film.ease=in-out", "film.poster=true")[:10], visits) == [16, *eased]


@pytest.mark.parametrize(("panels", "moving"), [("[{at: 3}, {at: 8}]", False), ("[{at: 3}, {}]", True)])
def test_a_time_bar_is_shown_only_if_something_moves(film, panels, moving):
    with_bar, without = (film("film.frames=1", f"panels={panels}", f"film.time_bar={bar}") for bar in ("true", "false"))
    assert np.array_equal(with_bar, without) != moving


def test_a_run_that_shows_training_has_training_steps_instead_of_times(noisereel, tmp_path):
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
    message = f"learns.yaml:6:47: film.slow.1.by: {learns}; give 'at' in training steps, with 'by: t'\n"
    assert noisereel("validate", "learns.yaml") == (2, "", message)
    assert noisereel("validate", "learns.yaml", "--set", "film.slow=[{at: 50}]").code == 0
    late = noisereel("validate", "learns.yaml", "--set", "film.slow=[{at: 101}]")
    assert late.err.endswith("film.slow.0.at: must be within the film: run 'run' goes from 0 to 100, got 101\n")
