"""The timeline: the visits that frames show, their durations, alignment and slow motion."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from noisereel.contracts.schedule import Level
from noisereel.film import timeline as module
from noisereel.film.timeline import LOG_SNR_CLIP, FrameSpec, TimelineError
from noisereel.scene import FilmSettings, SlowMotion

FPS = Fraction(25)


def timeline(paths, *, fps=FPS, hold=(0, 0), calls=None, training=None, **film) -> tuple[FrameSpec, ...]:
    """Return the frames of a film with these settings; without holds unless given."""
    return module.timeline(paths, FilmSettings(fps=float(fps), hold=hold, **film), calls=calls, training=training)


def path(*times: float) -> list[Level]:
    """Return levels of a variance-preserving schedule with T = 100, exact at both ends."""
    return [Level(t, math.cos(t / 200 * math.pi) if t < 100 else 0.0, math.sin(t / 200 * math.pi)) for t in times]


def indices(frames: tuple[FrameSpec, ...], name: str = "a") -> list[int]:
    return [frame.indices[name] for frame in frames]


falling = st.lists(st.integers(0, 100), min_size=1, max_size=40).map(lambda ts: path(*sorted(ts, reverse=True)))
options = st.fixed_dictionaries(
    {
        "frames": st.integers(1, 60),
        "fps": st.fractions(Fraction(1, 2), 120, max_denominator=7),
        "hold": st.tuples(st.floats(0, 5), st.floats(0, 5)),
        "ease": st.sampled_from(["linear", "in-out"]),
        "align": st.sampled_from(["progress", "t", "log-snr"]),
        "boomerang": st.booleans(),
        "reverse": st.booleans(),
        "poster": st.booleans(),
    }
)
stretches = st.builds(
    SlowMotion,
    at=st.floats(0, 1),  # as a share of the first run's range
    by=st.sampled_from(["t", "log-snr"]),
    factor=st.floats(1, 100),
    width=st.none() | st.floats(1e-3, 100),
)


def placed(slow: SlowMotion, levels: list[Level]) -> SlowMotion:
    """Return the slow motion with its middle inside the run's range."""
    snrs = [min(max(level.log_snr, -LOG_SNR_CLIP), LOG_SNR_CLIP) for level in levels]
    axis = [level.t for level in levels] if slow.by == "t" else snrs
    low, high = min(axis), max(axis)
    return slow.model_copy(update={"at": min(low + slow.at * (high - low), high)})


@given(st.dictionaries(st.sampled_from("abc"), falling, min_size=1), options, st.lists(stretches, max_size=2))
@settings(max_examples=200, deadline=None)
def test_any_film_is_complete(paths: dict[str, list[Level]], options: dict, slow: list[SlowMotion]) -> None:
    slow = [placed(stretch, next(iter(paths.values()))) for stretch in slow]
    frames = timeline(paths, **options, slow=slow)
    assert [frame.index for frame in frames] == list(range(len(frames)))
    if options["poster"] and options["frames"] > 1:
        poster, *frames = frames
        end = frames[options["frames"] - 1]
        assert (poster.indices, poster.fraction, poster.duration) == (end.indices, end.fraction, 1 / options["fps"])
    moving, (first, last) = options["frames"], [round(seconds * options["fps"]) for seconds in options["hold"]]
    ways = 2 if options["boomerang"] and moving > 1 else 1
    count = ways * moving - (ways - 1)

    assert len(frames) == count
    assert sum(frame.duration for frame in frames) == (count + first + ways * last) / options["fps"]
    assert all(
        frame.duration > 0 and frame.duration * options["fps"] == round(frame.duration * options["fps"])
        for frame in frames
    )
    forth = frames[:moving][::-1] if options["reverse"] else frames[:moving]
    assert all(a.fraction < b.fraction for a, b in pairwise(forth))
    assert forth[-1].fraction == 1 and (moving == 1 or forth[0].fraction == 0)
    for name, levels in paths.items():
        shown = indices(forth, name)
        assert shown == sorted(shown) and shown[-1] == len(levels) - 1
        assert moving == 1 or shown[0] == 0
    if ways == 2:
        assert [(t.indices, t.fraction) for t in frames] == [(t.indices, t.fraction) for t in reversed(frames)]


def test_linear_progress_visits_every_state_once() -> None:
    assert indices(timeline({"a": path(*range(8))}, frames=8, fps=FPS, ease="linear")) == list(range(8))


def test_more_frames_than_states_repeat_them_evenly() -> None:
    shown = indices(timeline({"a": path(0, 1, 2)}, frames=9, fps=FPS, ease="linear"))
    assert shown == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_easing_is_smoothstep() -> None:
    fractions = [frame.fraction for frame in timeline({"a": path(0, 1)}, frames=5, fps=FPS)]
    assert fractions == [0, 5 / 32, 1 / 2, 27 / 32, 1]


def test_holds_lengthen_the_first_and_the_last_frame_by_whole_frames() -> None:
    frames = timeline({"a": path(0, 1)}, frames=3, fps=FPS, hold=(0.5, 1.03))
    assert [frame.duration * 25 for frame in frames] == [1 + 12, 1, 1 + 26]


def test_a_boomerang_holds_at_its_turn_and_at_its_end() -> None:
    frames = timeline({"a": path(0, 1, 2)}, frames=3, fps=FPS, hold=(0.2, 0.4), ease="linear", boomerang=True)
    assert indices(frames) == [0, 1, 2, 1, 0]
    assert [frame.duration * 25 for frame in frames] == [6, 1, 11, 1, 11]
    assert [frame.fraction for frame in frames] == [0, 0.5, 1, 0.5, 0]


def test_a_single_frame_shows_the_end_for_both_holds() -> None:
    (frame,) = timeline({"a": path(3, 2, 1, 0)}, frames=1, fps=FPS, hold=(1, 2), boomerang=True)
    assert (frame.indices, frame.fraction, frame.duration) == ({"a": 3}, 1.0, 1 / FPS + 3)


def test_aligned_by_t_runs_of_unequal_length_show_the_same_time() -> None:
    paths = {"many": path(*range(100, -1, -1)), "few": path(*range(100, -1, -10)), "late": path(*range(50, -1, -1))}
    for frame in timeline(paths, frames=41, fps=FPS, align="t"):
        now = 100 * (1 - frame.fraction)
        times = {name: paths[name][step].t for name, step in frame.indices.items()}
        assert abs(times["many"] - now) <= 0.5 and abs(times["few"] - now) <= 5
        assert times["late"] == 50 if now > 50 else abs(times["late"] - now) <= 0.5


def test_aligned_by_log_snr_both_show_the_noise_level_nearest_to_the_axis() -> None:
    # The second run is the first one with other times and half the visits: every second level is the same.
    fine = path(*range(100, -1, -2))
    coarse = [Level(level.t**2 / 100, level.alpha, level.sigma) for level in fine[::2]]
    for frame in timeline({"fine": fine, "coarse": coarse}, frames=60, fps=FPS, align="log-snr", ease="linear"):
        now = -LOG_SNR_CLIP + 2 * LOG_SNR_CLIP * frame.fraction
        for name, levels in (("fine", fine), ("coarse", coarse)):
            clipped = [min(max(level.log_snr, -10), 10) for level in levels]
            assert abs(clipped[frame.indices[name]] - now) == pytest.approx(min(abs(value - now) for value in clipped))


def test_clean_data_and_pure_noise_are_clipped() -> None:
    # log-SNR −∞, 0, ∞ are −10, 0, 10 on the axis, so a linear film leaves the ends after a quarter.
    shown = indices(timeline({"a": path(100, 50, 0)}, frames=9, fps=FPS, ease="linear", align="log-snr"))
    assert shown == [0, 0, 0, 1, 1, 1, 1, 2, 2]


def test_aligned_by_calls_runs_show_equal_work() -> None:
    paths = {"heun": path(100, 50, 0), "euler": path(100, 75, 50, 25, 0)}
    calls = {"heun": [2, 4, 4], "euler": [1, 2, 3, 4, 4]}
    frames = timeline(paths, frames=5, fps=FPS, ease="linear", align="calls", calls=calls)
    assert indices(frames, "euler") == [0, 1, 2, 3, 4]
    assert indices(frames, "heun") == [0, 0, 1, 1, 2]


def test_the_run_with_fewer_calls_waits_at_its_end() -> None:
    calls = {"long": [1, 2, 3, 4, 4], "short": [1, 2, 2]}
    paths = {"long": path(100, 75, 50, 25, 0), "short": path(100, 50, 0)}
    frames = timeline(paths, frames=5, fps=FPS, ease="linear", align="calls", calls=calls)
    assert indices(frames, "short") == [0, 1, 2, 2, 2]


@pytest.mark.parametrize("align", ["t", "log-snr"])
def test_a_run_that_turns_round_cannot_be_aligned(align: str) -> None:
    with pytest.raises(ValueError) as error:
        timeline({"a": path(2, 1, 0), "back": path(2, 1, 2)}, frames=3, fps=FPS, align=align)
    assert str(error.value) == f"run 'back' goes back and forth, so it cannot be aligned by {align}; use progress"


def test_runs_in_opposite_directions_cannot_be_aligned() -> None:
    with pytest.raises(ValueError) as error:
        timeline({"still": path(2), "up": path(0, 1), "down": path(1, 0)}, frames=3, fps=FPS, align="t")
    assert str(error.value) == "run 'down' goes against run 'up', so they cannot be aligned by t"


def test_a_run_without_a_denoiser_cannot_be_aligned_by_calls() -> None:
    with pytest.raises(ValueError) as error:
        timeline({"noise": path(0, 1)}, frames=3, fps=FPS, align="calls", calls={"noise": [0, 0]})
    assert str(error.value) == "run 'noise' calls no denoiser, so it cannot be aligned by calls; use progress"


def test_by_progress_a_run_may_go_back_and_forth() -> None:
    assert indices(timeline({"a": path(2, 1, 2, 1, 0)}, frames=5, fps=FPS, ease="linear")) == [0, 1, 2, 3, 4]


def test_repeated_times_start_at_the_first_and_end_at_the_last_visit() -> None:
    shown = indices(timeline({"a": path(5, 5, 5, 0, 0, 0)}, frames=4, fps=FPS, ease="linear", align="t"))
    assert (shown[0], shown[-1]) == (0, 5) and shown == sorted(shown)


def test_a_poster_is_one_frame_of_the_end_before_the_film() -> None:
    frames = timeline({"a": path(0, 1, 2)}, frames=3, fps=FPS, hold=(0.2, 0.4), ease="linear", poster=True)
    assert indices(frames) == [2, 0, 1, 2]
    assert [frame.duration * 25 for frame in frames] == [1, 6, 1, 11]


def test_reverse_runs_from_the_end_to_the_beginning() -> None:
    frames = timeline({"a": path(0, 1, 2)}, frames=3, fps=FPS, hold=(0.2, 0.4), ease="linear", reverse=True)
    assert indices(frames) == [2, 1, 0]
    assert [frame.fraction for frame in frames] == [1, 0.5, 0]
    assert [frame.duration * 25 for frame in frames] == [6, 1, 11]
    there_and_back = timeline({"a": path(0, 1, 2)}, frames=3, fps=FPS, ease="linear", reverse=True, boomerang=True)
    assert indices(there_and_back) == [2, 1, 0, 1, 2]


def speeds(slow: list[SlowMotion], levels: list[Level], frames: int = 4001, **options: object) -> dict[int, float]:
    """Return the number of frames of some visits, relative to that of visits far away."""
    shown = indices(timeline({"a": levels}, frames=frames, fps=FPS, ease="linear", slow=slow, **options))
    far = (shown.count(20) + shown.count(80)) / 2
    return {step: shown.count(step) / far for step in (40, 45, 50, 55, 60)}


def test_slow_motion_shows_the_middle_longer_by_its_factor() -> None:
    # cos² with half its height at half its width: 1 + 4·(0, 1/2, 1, 1/2, 0)
    slowdown = speeds([SlowMotion(at=50, factor=5, width=10)], path(*range(101)))
    assert slowdown == pytest.approx({40: 1, 45: 3, 50: 5, 55: 3, 60: 1}, rel=0.06)


def test_slow_motion_by_log_snr_slows_that_noise_level_down() -> None:
    # log-SNR of cos, sin at t = 50 of 100 is 0; its slope there, −2π/100, gives ±5 in t for a width of 0.2π.
    slowdown = speeds([SlowMotion(at=0, by="log-snr", factor=5, width=0.2 * math.pi)], path(*range(101)), align="t")
    assert slowdown == pytest.approx({40: 1, 45: 3, 50: 5, 55: 3, 60: 1}, rel=0.06)


def test_slow_stretches_add_up_and_the_nearest_visit_counts() -> None:
    both = [SlowMotion(at=50.3, factor=3, width=0.1), SlowMotion(at=49.8, factor=2, width=0.1)]
    assert speeds(both, path(*range(101))) == pytest.approx({40: 1, 45: 1, 50: 4, 55: 1, 60: 1}, rel=0.06)


def test_slow_motion_keeps_the_length_of_the_film() -> None:
    frames = timeline({"a": path(*range(101))}, frames=50, fps=FPS, slow=[SlowMotion(at=30)])
    assert len(frames) == 50 and sum(frame.duration for frame in frames) == 2
    assert (indices(frames)[0], indices(frames)[-1]) == (0, 100)


@pytest.mark.parametrize(
    ("slow", "message"),
    [
        (SlowMotion(at=70), "must be within the film: run 'a' goes from 0 to 60, got 70"),
        (
            SlowMotion(at=-3, by="log-snr"),
            "must be within the film: run 'a' goes from -0.638917 to 10 in log-SNR, got -3",
        ),
    ],
)
def test_slow_motion_outside_the_run_is_refused(slow: SlowMotion, message: str) -> None:
    with pytest.raises(TimelineError) as error:
        timeline({"a": path(60, 25, 0)}, frames=3, fps=FPS, slow=[SlowMotion(at=25), slow])
    assert (error.value.field, str(error.value)) == ("slow.1.at", message)


LEARNING = {"paths": {"a": path(0, 0, 0, 0, 0)}, "training": {"a": [0, 10, 40, 90, 160]}, "fps": FPS, "ease": "linear"}


def test_training_steps_replace_t_in_a_run_that_shows_training() -> None:
    assert indices(timeline(**LEARNING, frames=9, align="t")) == [0, 1, 2, 2, 3, 3, 3, 4, 4]  # type: ignore[arg-type]
    shown = indices(timeline(**LEARNING, frames=80, slow=[SlowMotion(at=40, factor=4, width=1)]))  # type: ignore[arg-type]
    assert shown.count(2) == pytest.approx(4 * shown.count(3), abs=2)


@pytest.mark.parametrize(
    ("options", "field", "message"),
    [
        ({"align": "log-snr"}, "align", "so it cannot be aligned by log-snr; use progress"),
        ({"slow": [SlowMotion(at=0, by="log-snr")]}, "slow.0.by", "give 'at' in training steps, with 'by: t'"),
        (
            {"align": "t", "paths": {"b": path(0, 1), **LEARNING["paths"]}},
            "align",
            "so it cannot be aligned by t; use progress",
        ),  # type: ignore[dict-item]
    ],
)
def test_a_run_that_shows_training_has_one_noise_level(options: dict, field: str, message: str) -> None:
    with pytest.raises(TimelineError) as error:
        timeline(**{**LEARNING, "frames": 9, **options})
    joint = "; " if field == "slow.0.by" else ", "
    learns = "run 'a' is shown as its denoiser learns, at one noise level"
    assert (error.value.field, str(error.value)) == (field, learns + joint + message)


def test_easing_decides_which_visits_are_shown() -> None:
    # 3u² − 2u³ at u = i/8, times 8: 0, 0.34, 1.25, 2.53, 4 …
    assert indices(timeline({"a": path(*range(9))}, frames=9, fps=FPS)) == [0, 0, 1, 3, 4, 5, 7, 8, 8]


def test_a_slow_stretch_takes_its_frames_from_elsewhere() -> None:
    # They last 1/8, 1/4, 4/4, 1/4 and 1/8; 16 frames are 0.117 apart.
    levels, slow = path(0, 25, 50, 75, 100), [SlowMotion(at=50, factor=4, width=1)]
    shown = indices(timeline({"a": levels}, frames=16, fps=FPS, ease="linear", slow=slow))
    assert shown == [0, 0, 1, 1, *[2] * 8, 3, 3, 4, 4]


def test_aligned_by_t_a_run_shows_widely_spaced_visits_longer() -> None:
    shown = indices(timeline({"a": path(80, 20, 10, 0)}, frames=9, fps=FPS, ease="linear", align="t"))
    assert shown == [0, 0, 0, 0, 1, 1, 1, 2, 3]


def test_slow_motion_applies_to_both_acts_of_a_run_there_and_back() -> None:
    levels = [*path(*range(0, 101, 10)), *path(*range(90, -1, -10))]
    shown = indices(
        timeline({"a": levels}, frames=210, fps=FPS, ease="linear", slow=[SlowMotion(at=30, factor=5, width=5)])
    )
    usual = shown.count(7)
    assert [shown.count(step) / usual for step in (3, 17)] == pytest.approx([5, 5], rel=0.1)
    assert shown == sorted(shown)


def test_the_poster_of_a_reverse_boomerang_shows_its_turn() -> None:
    options = {"ease": "linear", "reverse": True, "boomerang": True, "poster": True, "hold": (0.2, 0.4)}
    frames = timeline({"a": path(0, 1, 2)}, frames=3, fps=FPS, **options)  # type: ignore[arg-type]
    assert indices(frames) == [0, 2, 1, 0, 1, 2]
    assert [frame.duration * 25 for frame in frames] == [1, 6, 1, 11, 1, 11]
