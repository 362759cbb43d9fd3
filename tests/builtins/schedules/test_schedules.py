"""Schedules and spacings against their papers' formulas, and invariants of all of them."""

from __future__ import annotations

import math
from contextlib import suppress
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from pydantic import ValidationError

from noisereel.contracts.schedule import Level, Schedule, posterior, transition
from noisereel.registry import load_registry
from noisereel.scene.plugin_fields import plugin_kind
from noisereel_builtins.schedules.betas import Betas
from noisereel_builtins.schedules.cosine import Cosine
from noisereel_builtins.schedules.linear import Linear
from noisereel_builtins.schedules.quadratic import Quadratic
from noisereel_builtins.schedules.random_walk import RandomWalk
from noisereel_builtins.schedules.sigmoid import Sigmoid
from noisereel_builtins.spacings.leading import Leading
from noisereel_builtins.spacings.linspace import Linspace
from noisereel_builtins.spacings.trailing import Trailing

steps = st.integers(1, 1200)
beta = st.floats(1e-6, 0.999)
ranges = st.sampled_from([Linear, Quadratic, Sigmoid])
schedules = st.one_of(
    st.builds(lambda kind, n, a, b: kind(steps=n, beta_start=a, beta_end=b), ranges, st.integers(1, 40), beta, beta),
    st.builds(lambda kind, n: kind(steps=n), ranges, steps),
    st.builds(lambda n, s: Cosine(steps=n, s=s), steps, st.floats(0, 0.5)),
    st.builds(lambda first, rest: Betas(values=(first, *rest)), beta, st.lists(st.floats(0, 0.999), max_size=30)),
    st.builds(lambda n, step: RandomWalk(steps=n, step_std=step), steps, st.floats(1e-3, 1e3)),
)


def messages(error: pytest.ExceptionInfo[ValidationError]) -> list[str]:
    return [problem["msg"] for problem in error.value.errors()]


@given(schedules, st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_t0_is_clean_and_snr_never_rises(schedule: Schedule, shares: list[float]) -> None:
    clean = schedule.at(0)
    assert (clean.t, clean.alpha, clean.sigma) == (0.0, 1.0, 0.0)
    snr = [schedule.at(share * schedule.T).log_snr for share in sorted(shares)]
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(snr))
    assert schedule.at(schedule.T).sigma > 0


@given(schedules)
def test_times_outside_are_refused(schedule: Schedule) -> None:
    for t in (-0.5, schedule.T + 0.5, math.nan):
        with pytest.raises(ValueError, match="is outside"):
            schedule.at(t)


@pytest.mark.parametrize("n", [1000, 4000])
@pytest.mark.parametrize(
    ("kind", "formula"),
    [
        (Linear, lambda a, b, u: a + (b - a) * u),
        (Quadratic, lambda a, b, u: (a**0.5 + (b**0.5 - a**0.5) * u) ** 2),
        (Sigmoid, lambda a, b, u: a + (b - a) * (1 + math.tanh(6 * u - 3)) / 2),
    ],
)
def test_betas_between_two_ends_follow_the_formula(kind: type[Linear], formula, n: int) -> None:
    default, given_ends = kind(steps=n), kind(steps=n, beta_start=1e-4, beta_end=0.02)
    for schedule, scale in ((default, 1000 / n), (given_ends, 1.0)):
        expected = [formula(1e-4 * scale, 0.02 * scale, i / (n - 1)) for i in range(n)]
        np.testing.assert_allclose(schedule.betas(), expected, rtol=1e-12)
        for t in (1, 2, n // 3, n):
            product = math.exp(math.fsum(math.log(1 - b) for b in expected[:t]))
            level = schedule.at(t)
            assert level.alpha**2 == pytest.approx(product, rel=1e-12)
            assert level.sigma**2 == pytest.approx(1 - product, rel=1e-12)


def test_the_betas_of_few_steps_are_capped_and_still_end_in_noise() -> None:
    assert Linear(steps=10).betas()[-1] == 0.999
    assert Linear(steps=10, beta_end=0.3).betas()[-1] == 0.3
    for kind in (Linear, Quadratic, Sigmoid, Cosine):
        for n in (2, 10, 50, 1000):
            assert kind(steps=n).at(n).alpha < 0.06, (kind, n)


def test_the_datasaurus_schedule_keeps_half_of_the_signal() -> None:
    schedule = Linear(steps=50, beta_start=1e-4, beta_end=0.05)
    assert schedule.at(25).alpha == pytest.approx(0.86, abs=0.005)
    assert schedule.at(50).alpha == pytest.approx(0.53, abs=0.005)


@pytest.mark.parametrize("n", [10, 1000])
def test_cosine_follows_the_formula_up_to_the_cap(n: int) -> None:
    def f(t: float) -> float:
        return math.cos((t / n + 0.008) / 1.008 * math.pi / 2) ** 2

    schedule = Cosine(steps=n)
    for t in range(1, n):
        assert schedule.at(t).alpha ** 2 == pytest.approx(f(t) / f(0), rel=1e-12)
    assert schedule.betas()[-1] == 0.999
    assert schedule.betas().max() == 0.999


def test_given_betas_are_multiplied_and_interpolated_in_log_alpha() -> None:
    schedule = Betas(values=(0.1, 0.2, 0.5))
    assert schedule.T == 3
    assert schedule.at(3).alpha ** 2 == pytest.approx(0.9 * 0.8 * 0.5, rel=1e-14)
    assert schedule.at(1.25).alpha == pytest.approx(math.sqrt(0.9) * math.sqrt(0.8) ** 0.25, rel=1e-14)
    assert schedule.at(2).beta_to(schedule.at(1)) == pytest.approx(0.2, rel=1e-13)
    assert schedule.at(3).beta_to(schedule.at(1)) == pytest.approx(1 - 0.8 * 0.5, rel=1e-13)


def test_random_walk_adds_equal_variances() -> None:
    schedule = RandomWalk(steps=49, step_std=2.0)
    assert schedule.at(12.25) == Level(12.25, 1.0, 7.0)
    assert transition(schedule.at(30), schedule.at(31)) == pytest.approx((1.0, 4.0))
    assert schedule.prior_std() == schedule.at(49).sigma == 14.0


@given(schedules, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_jump_equals_its_composed_steps(schedule: Schedule, a: float, b: float, c: float) -> None:
    u, s, t = (schedule.at(share * schedule.T) for share in sorted((a, b, c)))
    if t.alpha < 1e-6:
        return
    first, second, jump = transition(u, s), transition(s, t), transition(u, t)
    assert second.a * first.a == pytest.approx(jump.a, rel=1e-12)
    composed = second.a**2 * first.variance + second.variance
    assert composed == pytest.approx(jump.variance, rel=1e-9, abs=1e-12 * t.sigma**2)


@given(schedules, st.floats(0, 1), st.floats(0.001, 1))
def test_posterior_is_the_conditioned_gaussian(schedule: Schedule, share: float, t_share: float) -> None:
    """Given x_0, x_s and x_t are jointly Gaussian; conditioning x_s on x_t is a regression (Schur complement)."""
    t = schedule.at(t_share * schedule.T)
    s = schedule.at(share * t.t)
    if t.alpha < 1e-6 or t.sigma == 0:
        return
    a = t.alpha / s.alpha
    joint = np.array([[s.sigma**2, a * s.sigma**2], [a * s.sigma**2, t.sigma**2]])
    mean = np.array([s.alpha, t.alpha])
    gain = joint[0, 1] / joint[1, 1]
    q = posterior(s, t)
    assert q.on_x == pytest.approx(gain, rel=1e-9, abs=1e-12)
    assert q.on_x0 == pytest.approx(mean[0] - gain * mean[1], rel=1e-6, abs=1e-9)
    assert q.variance == pytest.approx(np.linalg.det(joint) / joint[1, 1], rel=1e-6, abs=1e-9 * t.sigma**2)


@given(schedules, st.floats(0.01, 0.99))
@settings(max_examples=30)
def test_time_of_inverts_log_snr(schedule: Schedule, share: float) -> None:
    level = schedule.at(share * schedule.T)
    inverted = schedule.at(schedule.time_of(level.log_snr))
    assert inverted.log_snr == pytest.approx(level.log_snr, abs=1e-6)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: Linear(steps=0), ["Input should be greater than or equal to 1"]),
        (lambda: Quadratic(beta_end=1.0), ["Input should be less than 1"]),
        (lambda: Sigmoid(beta_start=0.0), ["Input should be greater than 0"]),
        (lambda: Betas(values=()), ["Tuple should have at least 1 item after validation, not 0"]),
        (lambda: Betas(values=(0.1, 1.0)), ["Input should be less than 1"]),
        (
            lambda: Betas(values=(0.0, 0.1)),
            [
                "Value error, the first beta must be above 0: without noise at t = 1 there is nothing to remove there",
            ],
        ),
        (lambda: RandomWalk(step_std=0.0), ["Input should be greater than or equal to 0.000000000000001"]),
    ],
)
def test_invalid_schedules_are_refused(make, expected: list[str]) -> None:
    with pytest.raises(ValidationError) as error:
        make()
    assert messages(error) == expected


@given(st.sampled_from([Linspace(), Leading(), Trailing()]), st.integers(1, 300), st.integers(0, 2000), st.booleans())
def test_spacings_fall_strictly_to_0(spacing, steps: int, extra: int, half: bool) -> None:
    start = steps + extra + 0.5 * half
    times = spacing.times(Linear(), steps, start)
    assert len(times) == steps + 1
    assert times[-1] == 0
    assert all(late > early for late, early in pairwise(times))
    assert times[0] == start or (isinstance(spacing, Leading) and 1 <= times[0] <= start)


@pytest.mark.parametrize("steps", [1, 3, 7, 10, 50, 333, 1000])
def test_spacings_over_whole_times_are_those_of_diffusers(steps: int) -> None:
    """Compare with diffusers' formulas for 1000 training steps; its index i is our t = i + 1."""
    leading = (np.arange(steps) * (1000 // steps)).round()[::-1]
    trailing = np.round(np.arange(1000, 0, -1000 / steps))[:steps] - 1
    assert Leading().times(Linear(), steps, 1000.0) == (*(leading + 1), 0)
    assert Trailing().times(Linear(), steps, 1000.0) == (*(trailing + 1), 0)
    assert Linspace().times(Linear(), steps, 1000.0) == pytest.approx(np.linspace(1000, 0, steps + 1))


@pytest.mark.parametrize(("spacing", "name"), [(Leading(), "leading"), (Trailing(), "trailing")])
def test_more_steps_than_whole_times_are_refused(spacing, name: str) -> None:
    with pytest.raises(ValueError) as error:
        spacing.times(Linear(steps=50), 60, 50.0)
    assert str(error.value) == f"{name} spacing visits integer times: from t = 50 it allows 50 steps at most, got 60"


def every_schedule() -> list[Schedule]:
    """Return an instance of every registered schedule, and those that another one is made of."""
    registry = load_registry()
    values = {"betas": [0.1, 0.2], "alpha-bars": [0.9, 0.5]}
    classes = {name: registry.get("schedule", name) for name in registry.names("schedule")}
    plain = {
        name: cls.model_validate({cls.primary: values[name]} if name in values else {})
        for name, cls in classes.items()
        if not any(plugin_kind(field.annotation) for field in cls.model_fields.values())
    }
    composed = []
    for name, of in product(sorted(classes.keys() - plain), plain.values()):
        with suppress(ValidationError):  # not every schedule can be rescaled
            composed.append(classes[name].model_validate({classes[name].primary: of}))
    return [*plain.values(), *composed]


@pytest.mark.parametrize("schedule", every_schedule(), ids=repr)
def test_no_level_is_a_negative_zero(schedule: Schedule) -> None:
    for t in (0.0, -0.0, 1.0, schedule.T):
        level = schedule.at(t)
        assert [math.copysign(1, value) for value in (level.t, level.alpha, level.sigma)] == [1, 1, 1]
