"""Schedules defined by their levels, and spacings that search for levels, against their papers' formulas."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from pydantic import ValidationError

from noisereel.contracts.schedule import Schedule, Spacing, check_schedule, signal_left, signal_warning
from noisereel_builtins.schedules.alpha_bars import AlphaBars
from noisereel_builtins.schedules.betas import Betas
from noisereel_builtins.schedules.cosine import Cosine
from noisereel_builtins.schedules.edm import EDM
from noisereel_builtins.schedules.linear import Linear
from noisereel_builtins.schedules.log_linear import LogLinear
from noisereel_builtins.schedules.log_snr import LogSNR
from noisereel_builtins.schedules.random_walk import RandomWalk
from noisereel_builtins.schedules.rectified_flow import RectifiedFlow
from noisereel_builtins.schedules.sigmoid_alpha_bar import SigmoidAlphaBar
from noisereel_builtins.schedules.ve import VE
from noisereel_builtins.schedules.vp import VP
from noisereel_builtins.schedules.zero_terminal_snr import ZeroTerminalSNR
from noisereel_builtins.spacings.given import Given
from noisereel_builtins.spacings.karras import Karras
from noisereel_builtins.spacings.leading import Leading
from noisereel_builtins.spacings.linspace import Linspace
from noisereel_builtins.spacings.log_snr import LogSNR as EvenLogSNR
from noisereel_builtins.spacings.quadratic import Quadratic
from noisereel_builtins.spacings.t_min import TMin

SHARES = [0.001, 0.1, 0.37, 0.5, 0.9, 1.0]


def assert_close(value: float, expected: float) -> None:
    assert value == pytest.approx(expected, rel=1e-12, abs=1e-12)


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


# Schedules


@pytest.mark.parametrize("u", SHARES)
def test_vp_is_the_integral_of_its_beta(u: float) -> None:
    """Compare with α_t = exp(−½∫β); Simpson's rule is exact for the linear β."""
    for n, low, high in ((1000, 0.1, 20.0), (1, 0.1, 20.0), (50, 0.5, 0.5)):
        level = VP(steps=n, beta_min=low, beta_max=high).at(u * n)
        beta = [low + v * (high - low) for v in (0, u / 2, u)]
        integral = u / 6 * (beta[0] + 4 * beta[1] + beta[2])
        assert_close(level.alpha, math.exp(-integral / 2))
        assert_close(level.sigma, math.sqrt(1 - math.exp(-integral)))


def test_vp_is_the_limit_of_linear() -> None:
    errors = [abs(Linear(steps=n).at(n / 2).alpha - VP().at(500).alpha) for n in (1000, 10_000)]
    assert errors[1] < errors[0] / 8 < 1e-3


@pytest.mark.parametrize("u", SHARES)
def test_ve_has_the_variance_that_the_sde_adds(u: float) -> None:
    level = VE(steps=200, sigma_min=0.02, sigma_max=30.0).at(200 * u)
    sigma = 0.02 * (30.0 / 0.02) ** u
    assert level.alpha == 1
    assert_close(level.sigma, math.sqrt(sigma**2 - 0.02**2))


@pytest.mark.parametrize("k", range(1, 18))
def test_edm_has_the_levels_of_the_paper(k: int) -> None:
    """Compare with σ_i = (σ_max^{1/ρ} + i/(N−1)·(σ_min^{1/ρ} − σ_max^{1/ρ}))^ρ at t = N − i."""
    i = 18 - k
    expected = (80 ** (1 / 7) + i / 17 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7
    assert_close(EDM(steps=18).at(k).sigma, expected)
    even = EDM(steps=18, rho=1.0, sigma_min=1.0, sigma_max=18.0).at(k)
    assert (even.alpha, even.sigma) == (1.0, pytest.approx(k, rel=1e-12))


def test_log_linear_grows_by_a_constant_factor() -> None:
    schedule = LogLinear(steps=50)
    assert schedule.at(1).sigma == 0.02
    assert_close(schedule.at(50).sigma, 10.0)
    ratios = [schedule.at(t + 1).sigma / schedule.at(t).sigma for t in range(1, 50)]
    np.testing.assert_allclose(ratios, 500 ** (1 / 49), rtol=1e-12)
    assert schedule.prior_std() == schedule.at(50).sigma


@pytest.mark.parametrize("t", [1, 1.5, 20, 77.3, 100])
def test_log_snr_falls_evenly(t: float) -> None:
    schedule = LogSNR(steps=100, highest=9.0, lowest=-6.0)
    level, expected = schedule.at(t), 9 - 15 * (t - 1) / 99
    assert_close(level.log_snr, expected)
    assert_close(level.alpha**2, logistic(expected))
    assert_close(level.sigma**2, logistic(-expected))


@pytest.mark.parametrize(
    "schedule", [LogSNR(steps=10), EDM(steps=10), LogLinear(steps=10), ZeroTerminalSNR(of=Linear(steps=10))]
)
def test_schedules_with_sigma_min_at_1_reach_clean_data_continuously(schedule: Schedule) -> None:
    first = schedule.at(1)
    for t in (1 - 1e-9, 1 + 1e-9):
        assert schedule.at(t).sigma == pytest.approx(first.sigma, rel=1e-7)
    assert schedule.at(1e-9).sigma < 1e-4
    for t in (0.25, 0.5):  # σ is linear below t = 1; in a β schedule, log α is
        below = math.sqrt(1 - first.alpha ** (2 * t)) if isinstance(schedule, ZeroTerminalSNR) else t * first.sigma
        assert schedule.at(t).sigma == pytest.approx(below, rel=1e-9)
        if isinstance(schedule, LogSNR):
            assert_close(schedule.at(t).alpha ** 2, 1 - below**2)


@pytest.mark.parametrize("u", SHARES)
def test_rectified_flow_is_a_straight_line(u: float) -> None:
    level = RectifiedFlow(steps=40).at(40 * u)
    assert_close(level.alpha, 1 - u)
    assert_close(level.sigma, u)


@pytest.mark.parametrize("u", SHARES[:-1])
@pytest.mark.parametrize(("start", "end", "tau"), [(-3.0, 3.0, 1.0), (0.0, 3.0, 0.7), (-1.0, 2.0, 0.3)])
def test_sigmoid_alpha_bar_follows_the_paper(u: float, start: float, end: float, tau: float) -> None:
    first, last = logistic(start / tau), logistic(end / tau)
    expected = (last - logistic((u * (end - start) + start) / tau)) / (last - first)
    level = SigmoidAlphaBar(steps=500, start=start, end=end, tau=tau).at(500 * u)
    assert_close(level.alpha**2, expected)
    assert_close(level.sigma**2, 1 - expected)


def test_sigmoid_alpha_bar_is_clipped_at_the_end() -> None:
    level = SigmoidAlphaBar().at(1000)
    assert_close(level.alpha**2, 1e-9)
    assert_close(level.sigma**2, 1 - 1e-9)


def test_given_alpha_bars_are_interpolated() -> None:
    schedule = AlphaBars(values=(0.9, 0.6, 0.6, 0.01))
    assert schedule.T == 4
    for t, expected in enumerate((1.0, 0.9, 0.6, 0.6, 0.01)):
        assert_close(schedule.at(t).alpha ** 2, expected)
    assert_close(schedule.at(1.5).alpha, math.sqrt(math.sqrt(0.9 * 0.6)))


@pytest.mark.parametrize("of", [Linear(), Cosine(steps=40), VP(steps=30), SigmoidAlphaBar(steps=9)])
def test_zero_terminal_snr_shifts_and_scales(of: Schedule) -> None:
    """Compare with Algorithm 1 of Lin et al. on the table of √ᾱ."""
    schedule, n = ZeroTerminalSNR(of=of), int(of.T)
    table = np.array([of.at(t).alpha for t in range(1, n + 1)])
    shifted = table - table[-1]
    shifted *= table[0] / shifted[0]
    np.testing.assert_allclose([schedule.at(t).alpha for t in range(1, n + 1)], shifted, rtol=1e-12, atol=1e-12)
    last = schedule.at(n)
    assert (last.alpha, last.sigma, last.log_snr) == (0.0, 1.0, -math.inf)
    assert schedule.at(0.4) == of.at(0.4)
    assert check_schedule(schedule) is None


ends = st.floats(1e-3, 1.0)
more = st.one_of(
    st.builds(
        lambda n, low, by: VP(steps=n, beta_min=low, beta_max=low + by), st.integers(1, 99), ends, st.floats(0, 50)
    ),
    st.builds(
        lambda kind, n, low, by: kind(steps=n, sigma_min=low, sigma_max=low * by),
        st.sampled_from([VE, EDM, LogLinear]),
        st.integers(2, 99),
        ends,
        st.floats(1.1, 1e4),
    ),
    st.builds(
        lambda n, high, by: LogSNR(steps=n, highest=high, lowest=high - by),
        st.integers(2, 99),
        st.floats(-5, 20),
        st.floats(0.1, 20),
    ),
    st.builds(
        lambda n, at, by, tau: SigmoidAlphaBar(steps=n, start=at, end=at + by, tau=tau),
        st.integers(1, 99),
        st.floats(-4, 4),
        st.floats(0.1, 6),
        st.floats(0.3, 3),
    ),
    st.builds(lambda n: ZeroTerminalSNR(of=Linear(steps=n)), st.integers(2, 99)),
    st.builds(lambda n: RectifiedFlow(steps=n), st.integers(1, 99)),
    st.builds(
        lambda values: AlphaBars(values=tuple(sorted(values, reverse=True))),
        st.lists(st.floats(1e-6, 0.999), min_size=1),
    ),
)


@given(more, st.lists(st.floats(0, 1), min_size=2, max_size=20))
@settings(max_examples=200)
def test_snr_never_rises_for_any_fields(schedule: Schedule, shares: list[float]) -> None:
    assert check_schedule(schedule) is None
    snr = [schedule.at(share * schedule.T).log_snr for share in sorted(shares)]
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(snr))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: VP(beta_min=3.0, beta_max=2.0), "Value error, beta_max must be at least beta_min, 3, got 2"),
        (lambda: VE(sigma_min=1.0, sigma_max=1.0), "Value error, sigma_max must be above sigma_min, 1, got 1"),
        (lambda: EDM(steps=1), "Input should be greater than or equal to 2"),
        (lambda: LogSNR(highest=1.0, lowest=2.0), "Value error, lowest must be below highest, 1, got 2"),
        (lambda: SigmoidAlphaBar(start=1.0, end=1.0), "Value error, end must be above start, 1, got 1"),
        (lambda: AlphaBars(values=(0.5, 0.6)), "Value error, alpha-bars must never rise, but value 2 is 0.6 after 0.5"),
        (
            lambda: ZeroTerminalSNR(of=RandomWalk()),
            "Value error, the schedule must preserve variance, alpha² + sigma² = 1 at T",
        ),
        (
            lambda: ZeroTerminalSNR(of=Betas(values=(0.3, 0.0))),
            "Value error, the schedule must lose signal between t = 1 and T",
        ),
        (lambda: Given(values=(5.0, 5.0, 0.0)), "Value error, times must decrease, but 5 follows 5"),
    ],
)
def test_invalid_fields_are_refused(make: Any, expected: str) -> None:
    with pytest.raises(ValidationError) as error:
        make()
    assert [problem["msg"] for problem in error.value.errors()] == [expected]


# Signal left at T


@pytest.mark.parametrize(
    ("schedule", "left", "message"),
    [
        (Linear(), 0.00635, None),
        (RectifiedFlow(), 0.0, None),
        (EDM(), 0.0125, None),
        (
            Linear(steps=50, beta_start=1e-4, beta_end=0.05),
            0.5288,
            "at t = T = 50, 53 % of the data is left: use more steps or a larger beta_end",
        ),
        (RandomWalk(), 0.14, "at t = T = 50, 14 % of the data is left: use more steps or a larger step_std"),
        (VP(beta_max=2.0), 0.5916, "at t = T = 1000, 59 % of the data is left: use a larger beta_max"),
        (LogLinear(sigma_max=2.0), 0.4472, "at t = T = 1000, 45 % of the data is left: use a larger sigma_max"),
        (
            Betas(values=(0.5, 0.5)),
            0.5,
            "at t = T = 2, 50 % of the data is left: use a schedule that ends in more noise",
        ),
    ],
    ids=repr,
)
def test_signal_left_at_the_end(schedule: Schedule, left: float, message: str | None) -> None:
    assert signal_left(schedule) == pytest.approx(left, abs=1e-4)
    assert signal_warning(schedule) == message


# Spacings


def ratio(schedule: Schedule, t: float) -> float:
    level = schedule.at(t)
    return level.sigma / level.alpha


@pytest.mark.parametrize("schedule", [Linear(), VP(), EDM(steps=50), RectifiedFlow(), Cosine()])
@pytest.mark.parametrize("rho", [1.0, 7.0])
def test_karras_levels_are_those_of_the_formula(schedule: Schedule, rho: float) -> None:
    times = Karras(rho=rho).times(schedule, 6, schedule.T)
    last = schedule.at(schedule.T)
    high = min(last.sigma / last.alpha if last.alpha else math.inf, 1000.0)
    low = ratio(schedule, 1.0)
    expected = [(high ** (1 / rho) + k / 5 * (low ** (1 / rho) - high ** (1 / rho))) ** rho for k in range(6)]
    np.testing.assert_allclose([ratio(schedule, t) for t in times[1:-1]], expected[1:], rtol=1e-9)
    assert (times[0], times[-2], times[-1]) == (schedule.T, pytest.approx(1.0, abs=1e-9), 0.0)


def test_karras_on_edm_visits_its_own_times() -> None:
    """The karras spacing and the edm schedule share one formula."""
    assert Karras().times(EDM(steps=18), 18, 18.0) == pytest.approx(range(18, -1, -1), abs=1e-9)


@pytest.mark.parametrize("schedule", [Linear(), VP(), EDM(steps=50), RectifiedFlow(), Cosine()])
def test_log_snr_spacing_is_even_between_its_clips(schedule: Schedule) -> None:
    times = EvenLogSNR(clip=8.0).times(schedule, 6, schedule.T)
    log_snr = [schedule.at(t).log_snr for t in times[1:-1]]
    low, high = max(schedule.at(schedule.T).log_snr, -8.0), min(schedule.at(1.0).log_snr, 8.0)
    np.testing.assert_allclose(log_snr, [low + k / 5 * (high - low) for k in range(1, 6)], atol=1e-6)
    assert (times[0], times[-1]) == (schedule.T, 0.0)


@pytest.mark.parametrize("spacing", [Karras(), EvenLogSNR()])
def test_below_1_levels_end_at_a_thousandth_of_the_start(spacing: Spacing) -> None:
    times = spacing.times(VP(steps=1), 4, 1.0)
    assert times[-2:] == (pytest.approx(1e-3, rel=1e-6), 0.0)


def test_a_schedule_with_too_few_levels_is_refused() -> None:
    flat = AlphaBars(values=(0.5, 0.5, 0.5))
    with pytest.raises(ValueError) as error:
        EvenLogSNR().times(flat, 3, 3.0)
    assert str(error.value) == "the schedule has too few noise levels below t = 3 for 3 steps"


def test_quadratic_times() -> None:
    assert Quadratic().times(Linear(), 4, 1000.0) == (1000, 562.5, 250, 62.5, 0)


def test_given_times_are_used_unchanged() -> None:
    assert Given(values=(900.0, 30.0, 0.5)).times(Linear(), 17, 1000.0) == (900, 30, 0.5)
    with pytest.raises(ValueError) as error:
        Given(values=(900.0, 0.0)).times(Linear(), 1, 800.0)
    assert str(error.value) == "times must be at most 800, where particles begin, got 900"


def test_t_min_squeezes_another_spacing() -> None:
    assert TMin(t=0.01).times(VP(steps=1), 3, 1.0) == pytest.approx((1.0, 0.67, 0.34, 0.01))
    assert TMin(t=10.0, of=Quadratic()).times(Linear(), 2, 100.0) == pytest.approx((100.0, 32.5, 10.0))
    assert TMin(t=1.0, of=Leading()).times(Linear(), 2, 100.0) == pytest.approx((51.49, 1.99, 1.0))
    assert TMin(t=1.0).of == Linspace()
    with pytest.raises(ValueError) as error:
        TMin(t=5.0).times(Linear(), 2, 5.0)
    assert str(error.value) == "t must be below 5, where particles begin, got 5"
