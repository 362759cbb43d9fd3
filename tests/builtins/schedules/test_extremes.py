"""Schedules and spacings at the ends of what their parameters allow: right, or refused with a reason."""

from __future__ import annotations

import math
from decimal import Decimal, getcontext
from itertools import pairwise, product
from typing import Any

import pytest
from pydantic import ValidationError
from registered import REGISTRY, example, names

from noisereel.contracts.schedule import Schedule, check_schedule, level_error, posterior
from noisereel.simulation.plan import plan_acts
from noisereel.support.errors import UsageError
from noisereel_builtins.samplers.ancestral.ddpm import DDPM
from noisereel_builtins.schedules.alpha_bars import AlphaBars
from noisereel_builtins.schedules.betas import Betas
from noisereel_builtins.schedules.edm import EDM
from noisereel_builtins.schedules.linear import Linear
from noisereel_builtins.schedules.log_snr import LogSNR
from noisereel_builtins.schedules.rectified_flow import RectifiedFlow
from noisereel_builtins.schedules.sigmoid_alpha_bar import SigmoidAlphaBar
from noisereel_builtins.schedules.vp import VP
from noisereel_builtins.schedules.zero_terminal_snr import ZeroTerminalSNR
from noisereel_builtins.spacings.given import Given
from noisereel_builtins.spacings.karras import Karras
from noisereel_builtins.spacings.levels import power_ramp

getcontext().prec = 60


def extremes(cls: type[Schedule]) -> list[dict[str, Any]]:
    """Return combinations of the smallest and largest allowed values of each number of a schedule, and large steps."""
    choices: dict[str, list[Any]] = {}
    for name, info in cls.model_fields.items():
        limits = {
            kind: getattr(m, kind) for m in info.metadata for kind in ("gt", "ge", "lt", "le") if hasattr(m, kind)
        }
        if name == "steps":
            choices[name] = [limits["ge"], 2, 1000]
        elif limits:
            low = limits.get("ge", math.nextafter(limits.get("gt", -1e300), math.inf))
            high = limits.get("le", math.nextafter(limits.get("lt", 1e300), -math.inf))
            choices[name] = [low, 1e-3, 0.3, 30.0, high]
    return [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]


@pytest.mark.parametrize("name", names("schedule"))
def test_every_schedule_is_right_or_refused(name: str) -> None:
    """Whatever is accepted has finite levels, an SNR that never rises, and posteriors that can be computed."""
    cls = REGISTRY.get("schedule", name)
    accepted = 0
    for fields in extremes(cls):
        try:
            schedule = example("schedule", name, **fields)
        except ValidationError:
            continue
        reason = check_schedule(schedule)
        if reason is not None:
            assert "too small to compute with; use" in reason or "too large to compute with; use" in reason, fields
            continue
        accepted += 1
        levels = [schedule.at(k / 50 * schedule.T) for k in range(51)]
        levels = [level for level in levels if level_error(level, schedule.T) is None]  # a run refuses to visit others
        for s, t in pairwise(levels):
            assert 0 <= t.alpha <= 1, fields
            assert t.log_snr <= s.log_snr + 1e-9, fields
            if s.alpha > 0:
                assert all(map(math.isfinite, posterior(s, t))), fields
    assert accepted


@pytest.mark.parametrize(
    ("schedule", "reason"),
    [
        (VP(beta_max=5000), "at t = 236, alpha is 5.75e-31: too small to compute with; use a smaller beta_max"),
        (
            Linear(steps=100_000, beta_end=0.02),
            "at t = 37120, alpha is 9.98e-31: too small to compute with; use a smaller beta_end",
        ),
        (
            Betas(values=(0.8,) * 100),
            "at t = 86, alpha is 8.8e-31: too small to compute with; use a schedule that keeps some signal until t = T",
        ),
        (
            ZeroTerminalSNR(of=Betas(values=(0.1, 0.2, 0.0))),
            "at t = 2, alpha is 0: too small to compute with; use a schedule that keeps some signal until t = T",
        ),
        (
            SigmoidAlphaBar(start=-30, end=30, tau=0.1),
            "at t = 1, sigma is 6.51e-66: too small to compute with; use a schedule with more noise in its first step",
        ),
    ],
)
def test_levels_that_underflow_are_refused(schedule: Schedule, reason: str) -> None:
    assert check_schedule(schedule) == reason


@pytest.mark.parametrize("tau", [0.5, 0.45, 1.0, 3.0, 100.0])
def test_sigmoid_alpha_bar_equals_exact_arithmetic(tau: float) -> None:
    schedule = SigmoidAlphaBar(start=-30, end=30, tau=tau)
    assert check_schedule(schedule) is None

    def logistic(u: Decimal) -> Decimal:
        return 1 / (1 + (-(Decimal(-30) + 60 * u) / Decimal(tau)).exp())

    begin, end = logistic(Decimal(0)), logistic(Decimal(1))
    for t in (1, 10, 182, 500, 818, 999, 1000):
        now, level = logistic(Decimal(t) / 1000), schedule.at(float(t))
        left, lost = (end - now) / (end - begin), (now - begin) / (end - begin)
        assert level.alpha**2 == pytest.approx(max(float(left), 1e-9), rel=1e-11)
        assert level.sigma**2 == pytest.approx(min(float(lost), 1 - 1e-9), rel=1e-11)


def test_alpha_bars_equal_the_given_values_however_far_they_fall() -> None:
    values = (0.5, 1e-20, 1e-50)
    assert [AlphaBars(values=values).at(t).alpha ** 2 for t in (1, 2, 3)] == pytest.approx(values, rel=1e-13)


@pytest.mark.parametrize("first", [1e-2, 1e-10, 1e-17, 1e-25])
def test_zero_terminal_snr_keeps_the_digits_of_small_noise(first: float) -> None:
    betas = (first, 2 * first, 0.5, 0.9)
    schedule = ZeroTerminalSNR(of=Betas(values=betas))
    signals = [Decimal(1)]
    for beta in betas:
        signals.append(signals[-1] * (1 - Decimal(beta)).sqrt())
    for t in (2, 3, 4):
        alpha = (signals[t] - signals[4]) * signals[1] / (signals[1] - signals[4])
        assert schedule.at(float(t)).sigma == pytest.approx(float((1 - alpha**2).sqrt()), rel=1e-12)


@pytest.mark.parametrize("rho", [1e-300, 1e-3, 0.1, 1.0, 7.0, 1e3, 1e9, 1e300])
def test_levels_of_karras_are_defined_for_every_rho(rho: float) -> None:
    schedule = EDM(rho=rho)
    assert check_schedule(schedule) is None
    sigmas = [schedule.at(t).sigma for t in range(1, 51)]
    assert (sigmas[0], sigmas[-1]) == (0.002, 80.0)
    assert all(0.002 <= a <= b <= 80 for a, b in pairwise(sigmas))
    if 0.1 <= rho <= 1e3:
        low, high = (Decimal(s) ** (1 / Decimal(rho)) for s in (0.002, 80.0))
        exact = [float((low + Decimal(k) / 49 * (high - low)) ** Decimal(rho)) for k in range(50)]
        assert sigmas == pytest.approx(exact, rel=1e-11)
    if rho == 1e300:  # the limit is geometric
        assert sigmas[25] == pytest.approx(0.002 * (80 / 0.002) ** (25 / 49))
    assert [power_ramp(80.0, 0.002, k / 49, rho) for k in range(49, -1, -1)] == pytest.approx(sigmas)


@pytest.mark.parametrize("rho", [1e-300, 0.1, 7.0, 1e300])
@pytest.mark.parametrize("schedule", [Linear(), EDM(), RectifiedFlow(), LogSNR()])
def test_the_spacing_karras_takes_every_rho_or_refuses_it(schedule: Schedule, rho: float) -> None:
    try:
        times = Karras(rho=rho).times(schedule, 5, schedule.T)
    except ValueError as error:
        assert "the schedule has too few noise levels" in str(error)
    else:
        assert all(early > late for early, late in pairwise(times))


def test_visits_to_levels_that_underflow_are_refused() -> None:
    sampler = DDPM(spacing=Given(values=(10.0, 1e-200, 0.0)))
    with pytest.raises(UsageError) as error:
        plan_acts([sampler], EDM())
    assert str(error.value) == (
        "it visits a level that is too extreme: at t = 1e-200, sigma is 2e-203: too small to compute with"
    )
