"""Samplers against closed forms: exact moments, a mixture, stationary distributions, and inversion."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor
from walking import (
    CONTINUOUS,
    DATA,
    DOUBLE,
    MIXTURE,
    Draw,
    Gauss,
    context,
    every_schedule,
    mixture,
    never,
    propagated,
    steps_along,
    times_between,
    walk,
)

from noisereel.contracts.sampler import Sampler
from noisereel.contracts.schedule import Level, Schedule
from noisereel_builtins.samplers.ancestral.accelerated_ddim import AcceleratedDDIM
from noisereel_builtins.samplers.ancestral.ddim import DDIM
from noisereel_builtins.samplers.ancestral.ddim_inversion import DDIMInversion
from noisereel_builtins.samplers.ancestral.ddpm import DDPM
from noisereel_builtins.samplers.ode.deis import DEIS
from noisereel_builtins.samplers.ode.dpm_solver import DPMSolver
from noisereel_builtins.samplers.ode.euler import Euler
from noisereel_builtins.samplers.ode.flow_euler import FlowEuler
from noisereel_builtins.samplers.ode.flow_heun import FlowHeun
from noisereel_builtins.samplers.ode.heun import Heun
from noisereel_builtins.samplers.ode.ode import ODE
from noisereel_builtins.samplers.ode.rk4 import RK4
from noisereel_builtins.samplers.ode.unipc import UniPC
from noisereel_builtins.samplers.sde.euler_ancestral import EulerAncestral
from noisereel_builtins.samplers.sde.karras import Karras
from noisereel_builtins.samplers.sde.langevin import AnnealedLangevin, langevin_step
from noisereel_builtins.samplers.sde.predictor_corrector import PredictorCorrector
from noisereel_builtins.samplers.sde.reverse_sde import ReverseSDE
from noisereel_builtins.schedules.edm import EDM
from noisereel_builtins.schedules.linear import Linear
from noisereel_builtins.schedules.log_linear import LogLinear
from noisereel_builtins.schedules.rectified_flow import RectifiedFlow
from noisereel_builtins.schedules.vp import VP

# Moments


REVERSE = [
    DDPM(),
    DDPM(variance="beta"),
    DDPM(variance=0.5),
    DDIM(),
    DDIM(eta=0.6),
    Euler(),
    EulerAncestral(),
    EulerAncestral(eta=0.5),
    FlowEuler(),
    FlowHeun(),
    Heun(),
    RK4(),
    DEIS(order=3),
    DPMSolver(order=2),
    DPMSolver(order=3),
    DPMSolver(order=2, sde=True),
    DPMSolver(order=3, sde=True),
    UniPC(order=3),
    AcceleratedDDIM(),
    Karras(churn=5.0),
    ReverseSDE(),
    ReverseSDE(temperature=0.5),
    PredictorCorrector(),
    AnnealedLangevin(repeats=2),
]


@every_schedule
@pytest.mark.parametrize("sampler", REVERSE, ids=repr)
def test_samples_have_the_propagated_moments(sampler: Sampler, schedule: Schedule) -> None:
    """Compare 10⁵ samples with the affine map's mean and variance at every visit: within 5 standard errors."""
    n = 100_000
    first = schedule.at(sampler.path(schedule, None)[0])
    states = walk(sampler, DATA.sample(first, n), context(schedule, Draw(1), DATA))
    for x, (mean, variance) in zip(states, propagated(sampler, schedule, DATA), strict=True):
        assert abs(float(x.mean()) - mean) <= 5 * math.sqrt(variance / n)
        assert abs(float(x.var()) - variance) <= 5 * variance * math.sqrt(2 / n)


@pytest.mark.parametrize(
    ("sampler", "schedule"),
    [
        (DDPM(variance=0.5), VP()),
        (DDIM(eta=0.5), VP()),
        (Euler(), VP()),
        (EulerAncestral(), VP()),
        (ReverseSDE(), VP()),
        (DPMSolver(order=1, sde=True), VP()),
        (DDIM(), RectifiedFlow()),
        (FlowEuler(), RectifiedFlow()),
        (DDPM(), RectifiedFlow()),
        (EulerAncestral(), RectifiedFlow()),
    ],
    ids=repr,
)
def test_bias_halves_when_steps_double(sampler: Sampler, schedule: Schedule) -> None:
    errors = []
    for steps in (200, 400, 800):
        mean, variance = propagated(sampler.model_copy(update={"steps": steps}), schedule, DATA)[-1]
        assert mean == pytest.approx(DATA.mean, abs=5e-3)
        errors.append(abs(math.sqrt(variance) - math.sqrt(DATA.variance)))
    assert errors[-1] < 6e-3
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.2), errors
    assert errors[1] / errors[2] == pytest.approx(2, abs=0.15), errors


@pytest.mark.parametrize("order", [2, 3])
def test_the_higher_order_sde_solvers_have_less_bias(order: int) -> None:
    """Weak second order: twice the steps quarter the bias, for steps of equal size in log-SNR."""
    errors = []
    for n in (80, 160):
        times = times_between(CONTINUOUS, 1.0, 0.01, n, log_snr=True)
        _, variance = propagated(DPMSolver(order=order, sde=True), CONTINUOUS, DATA, times)[-1]
        errors.append(abs(variance - DATA.noised(CONTINUOUS.at(0.01))[1]))
    assert errors[0] / errors[1] > 3.2, errors
    first = propagated(DPMSolver(order=1, sde=True), CONTINUOUS, DATA, times)[-1][1]
    assert errors[1] < abs(first - DATA.noised(CONTINUOUS.at(0.01))[1]) / 10


def mixture_cdf(x: Tensor) -> Tensor:
    return sum(w * (1 + torch.erf((x - m) / math.sqrt(2 * v))) / 2 for w, m, v in MIXTURE)


@pytest.mark.slow
@pytest.mark.parametrize(
    "sampler",
    [
        DDPM(),
        DDPM(variance="beta"),
        DDIM(),
        DDIM(eta=0.5),
        EulerAncestral(),
        Heun(),
        FlowHeun(),
        RK4(),
        DEIS(),
        DPMSolver(),
        DPMSolver(order=3, sde=True),
        UniPC(),
        Karras(),
        ReverseSDE(),
        PredictorCorrector(),
        ODE(),
    ],
    ids=repr,
)
def test_a_mixture_is_sampled_within_the_ks_distance(sampler: Sampler) -> None:
    """The Kolmogorov–Smirnov distance of 10⁵ samples is below 0.008 after 1,000 steps."""
    schedule, n = VP(steps=1000), 100_000
    generator = torch.Generator().manual_seed(0)
    x = schedule.prior_std() * torch.randn(n, 1, dtype=DOUBLE, generator=generator)
    ctx, carry = context(schedule, Draw(2), mixture), None
    for t, s in pairwise(sampler.path(schedule, None)):
        with torch.no_grad():
            step = sampler.step(x, schedule.at(t), schedule.at(s), ctx, carry)
        x, carry = step.x, step.carry
    cdf = mixture_cdf(x.flatten().sort().values)
    ranks = torch.arange(n + 1, dtype=DOUBLE) / n
    assert float(torch.maximum((cdf - ranks[:-1]).abs(), (ranks[1:] - cdf).abs()).max()) < 0.008


# Stochastic Karras, Langevin


@pytest.mark.parametrize("schedule", [VP(), EDM()], ids=["vp", "ve"])
def test_churn_preserves_the_distribution(schedule: Schedule) -> None:
    """Adding noise leads to the marginal at the higher level, so no bias is left with many steps."""
    sampler = Karras(steps=300, churn=60.0)
    mean, variance = propagated(sampler, schedule, DATA)[-1]
    assert mean == pytest.approx(DATA.mean, abs=1e-6)
    assert math.sqrt(variance) == pytest.approx(math.sqrt(DATA.variance), abs=2e-3)
    noises = [
        step.noise
        for _, step in steps_along(sampler, DATA.sample(schedule.at(schedule.T), 4), context(schedule, Draw(), DATA))
    ]
    assert noises[0] is None  # no level is noisier than T
    assert sum(z is not None for z in noises) > 290


@pytest.mark.parametrize(("churn", "gamma"), [(4.0, 0.2), (30.0, math.sqrt(2) - 1)])
def test_karras_is_algorithm_2(churn: float, gamma: float) -> None:
    """Compare with the paper, where σ is time: γ_i = min(S_churn/N, √2 − 1) for levels from S_tmin to S_tmax."""
    schedule, n = EDM(steps=20), 20
    sampler, draw = Karras(churn=churn, low=0.05, high=30.0, noise=1.01), Draw(3)
    x = 80 * torch.randn(30, 1, dtype=DOUBLE, generator=torch.Generator().manual_seed(4))
    states = walk(sampler, x, context(schedule, draw, two_bumps))
    denoised = lambda x, t: two_bumps(x, Level(0.0, 1.0, t))  # noqa: E731
    noises = iter(draw.given)
    levels = [(80 ** (1 / 7) + i / (n - 1) * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7 for i in range(n)] + [0.0]
    for i, (t, after) in enumerate(pairwise(levels)):
        t_hat = t * (1 + gamma) if 0.05 <= t <= 30 else t
        x_hat = x + math.sqrt(t_hat**2 - t**2) * 1.01 * next(noises) if t_hat > t else x
        d = (x_hat - denoised(x_hat, t_hat)) / t_hat
        x = x_hat + (after - t_hat) * d
        if after > 0:
            x = x_hat + (after - t_hat) * (d + (x - denoised(x, after)) / after) / 2
        torch.testing.assert_close(states[i + 1], x, rtol=1e-9, atol=1e-9)
    assert next(noises, None) is None


@every_schedule
@pytest.mark.parametrize("size", [0.05, 0.2, 1.0])
def test_langevin_has_its_stationary_distribution(schedule: Schedule, size: float) -> None:
    """x ← x − δ/2·(x − m)/v + √δ·z converges to variance v/(1 − δ/(4v)) from any start."""
    level = schedule.at(6)
    mean, variance = DATA.noised(level)
    x = torch.tensor([[-3.0], [0.0], [7.0]], dtype=DOUBLE)
    zero, one = (lambda like, stream="", k=k: torch.full_like(like, k) for k in (0.0, 1.0))
    drift = langevin_step(x, level, size, context(schedule, zero, DATA)).x
    noise = langevin_step(x, level, size, context(schedule, one, DATA)).x - drift
    pull = (drift - mean) / (x - mean)
    delta = size * level.sigma**2
    torch.testing.assert_close(pull, torch.full_like(pull, 1 - delta / (2 * variance)), rtol=1e-12, atol=1e-12)
    stationary = noise**2 / (1 - pull**2)
    torch.testing.assert_close(
        stationary, torch.full_like(pull, variance / (1 - delta / (4 * variance))), rtol=1e-10, atol=0
    )


def test_annealed_langevin_comes_close_with_many_small_steps() -> None:
    schedule = LogLinear(steps=10)
    errors = []
    for repeats, size in ((20, 0.2), (200, 0.02)):
        mean, variance = propagated(AnnealedLangevin(repeats=repeats, size=size), schedule, DATA)[-1]
        assert mean == pytest.approx(DATA.mean, abs=0.02)
        errors.append(abs(variance - DATA.variance))
    assert errors[1] < errors[0] < 0.2


def test_annealed_langevin_path() -> None:
    schedule = Linear(steps=3)
    assert AnnealedLangevin(repeats=2).path(schedule, None) == [3, 3, 2, 2, 1, 1, 1, 0]


def test_predictor_corrector_path() -> None:
    schedule = Linear(steps=3)
    assert PredictorCorrector(corrections=2).path(schedule, None) == [3, 2, 2, 2, 1, 1, 1, 0]


def test_corrections_reduce_the_bias_of_the_predictor() -> None:
    """Eight reverse steps are biased; many small corrections remove the bias at t = 1."""
    schedule = VP(steps=8)
    exact = DATA.noised(schedule.at(1))[1]
    none, many = (
        abs(propagated(PredictorCorrector(corrections=n, snr=0.15), schedule, DATA)[-2][1] - exact) for n in (0, 100)
    )
    assert many < none / 4


def test_the_bias_of_corrections_is_of_second_order() -> None:
    """With many corrections at one level, the variance is v/(1 − δ/(4v)), δ = 4·(r·σ)²."""
    schedule = VP(steps=8)
    level = schedule.at(1)
    variance = DATA.noised(level)[1]
    for r in (0.2, 0.4):
        biased = propagated(PredictorCorrector(snr=r), schedule, DATA, [1.0] * 200)[-1][1]
        assert biased == pytest.approx(variance / (1 - (r * level.sigma) ** 2 / variance), rel=1e-6)


# Inversion


def two_bumps(x: Tensor, level: Level) -> Tensor:
    """Return E[x_0 | x_t] for two equal Gaussians of variance 0.5 at 0.5 and 2.5."""
    left, right = Gauss(0.5, 0.5), Gauss(2.5, 0.5)
    (low, spread), (high, _) = left.noised(level), right.noised(level)
    share = torch.sigmoid(((x - low) ** 2 - (x - high) ** 2) / (2 * spread))
    return torch.lerp(left(x, level), right(x, level), share)


@pytest.mark.parametrize("schedule", [VP(steps=1), RectifiedFlow(steps=1)], ids=["vp", "flow"])
def test_inversion_then_sampling_returns_to_first_order(schedule: Schedule) -> None:
    """Go from t = 0.05 up to 0.9 and back down: the error halves when the steps double."""
    x = torch.linspace(0.0, 3.0, 31, dtype=DOUBLE)[:, None]
    errors = []
    for n in (100, 200, 400):
        up = [0.05 + 0.85 * k / n for k in range(n + 1)]
        ctx = context(schedule, never, two_bumps)
        top = walk(DDIMInversion(), x, ctx, up)[-1]
        errors.append(float((walk(DDIM(), top, ctx, up[::-1])[-1] - x).abs().max()))
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.25), errors
    assert errors[1] / errors[2] == pytest.approx(2, abs=0.15), errors


def test_inversion_follows_the_exact_flow_from_clean_data() -> None:
    schedule, x = VP(steps=1000), DATA.sample(VP().at(0), 16)
    clean, end = schedule.at(0), schedule.at(1000)
    inverted = walk(DDIMInversion(), x, context(schedule, never, DATA))[-1]
    torch.testing.assert_close(inverted, DATA.flow(x, clean, end), rtol=0, atol=0.01)
