"""Samplers against closed forms: order of convergence, and identities between them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from walking import (
    CONTINUOUS,
    DATA,
    SCHEDULES,
    Draw,
    bent,
    context,
    every_schedule,
    never,
    started,
    times_between,
    walk,
)

from noisereel.contracts.sampler import Sampler
from noisereel.contracts.schedule import Level, Schedule, posterior, transition
from noisereel_builtins.samplers.ancestral.accelerated_ddim import AcceleratedDDIM
from noisereel_builtins.samplers.ancestral.ddim import DDIM
from noisereel_builtins.samplers.ancestral.ddpm import DDPM
from noisereel_builtins.samplers.forward.forward import Forward
from noisereel_builtins.samplers.ode.deis import DEIS
from noisereel_builtins.samplers.ode.dpm_solver import DPMSolver
from noisereel_builtins.samplers.ode.euler import Euler
from noisereel_builtins.samplers.ode.exponential import moments, weights
from noisereel_builtins.samplers.ode.flow_euler import FlowEuler
from noisereel_builtins.samplers.ode.flow_heun import FlowHeun
from noisereel_builtins.samplers.ode.heun import Heun
from noisereel_builtins.samplers.ode.ode import ODE
from noisereel_builtins.samplers.ode.rk4 import RK4
from noisereel_builtins.samplers.ode.unipc import UniPC
from noisereel_builtins.samplers.sde.euler_ancestral import EulerAncestral
from noisereel_builtins.samplers.sde.karras import Karras
from noisereel_builtins.samplers.sde.predictor_corrector import PredictorCorrector
from noisereel_builtins.samplers.sde.reverse_sde import ReverseSDE
from noisereel_builtins.schedules.cosine import Cosine
from noisereel_builtins.schedules.linear import Linear
from noisereel_builtins.schedules.random_walk import RandomWalk

# Order of convergence


def flow_error(sampler: Sampler, n: int, *, log_snr: bool) -> float:
    """Return the RMS distance from the exact flow, after n steps from the exact marginal at t = 1 to t = 0.01."""
    begin, end = CONTINUOUS.at(1.0), CONTINUOUS.at(0.01)
    x = DATA.sample(begin, 16)
    times = times_between(CONTINUOUS, begin.t, end.t, n, log_snr=log_snr)
    result = walk(sampler, x, context(CONTINUOUS, never, DATA), times)[-1]
    return float((result - DATA.flow(x, begin, end)).square().mean().sqrt())


@pytest.mark.parametrize(
    ("sampler", "order"),
    [
        (DDIM(), 1),
        (Euler(), 1),
        (FlowEuler(), 1),
        (EulerAncestral(eta=0.0), 1),
        (AcceleratedDDIM(), 1),
        (AcceleratedDDIM(gamma=1.0), 1),
        (Heun(), 2),
        (FlowHeun(), 2),
        (Karras(churn=0.0), 2),
        (DEIS(order=1), 1),
        (DEIS(order=2), 2),
        (DEIS(order=3), 3),
        (DEIS(order=2, polynomial="log-sigma"), 2),
        (DEIS(order=3, polynomial="log-sigma"), 3),
        (RK4(), 4),
    ],
)
def test_order_of_convergence_with_even_times(sampler: Sampler, order: int) -> None:
    errors = [flow_error(sampler, n, log_snr=False) for n in (640, 1280)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15), errors


@pytest.mark.parametrize(
    ("sampler", "order", "within"),
    [
        (DPMSolver(order=1), 1, 0.15),
        (DPMSolver(order=2), 2, 0.15),
        (DPMSolver(order=3), 3, 0.3),
        (DPMSolver(order=3, published=True), 2, 0.15),
        (UniPC(order=1), 2, 0.15),
        (UniPC(order=2), 3, 0.15),
        (UniPC(order=3), 4, 0.15),
    ],
)
def test_order_of_convergence_with_even_log_snr(sampler: Sampler, order: int, within: float) -> None:
    errors = [flow_error(sampler, n, log_snr=True) for n in (640, 1280)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=within), errors


@pytest.mark.parametrize(("sampler", "order"), [(DEIS(order=4), 4), (ODE(halvings=0), 3)])
def test_order_of_convergence_with_fewer_times(sampler: Sampler, order: int) -> None:
    """Use fewer steps, where more would be slow or show rounding errors."""
    errors = [flow_error(sampler, n, log_snr=False) for n in (160, 320)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15), errors


def test_accelerated_ddim_with_gamma_three_halves_is_adams_bashforth_on_even_sigma() -> None:
    schedule = RandomWalk(steps=100)
    times = [100 * ((20 - k) / 20) ** 2 for k in range(20)]  # σ = √t decreases in equal steps
    x = started(schedule)
    states = walk(AcceleratedDDIM(gamma=1.5), x, context(schedule, never, bent), times)
    expected = walk(DEIS(order=2), x, context(schedule, never, bent), times)
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-12 * schedule.prior_std())


# Identities


@every_schedule
def test_all_first_order_solvers_are_equal(schedule: Schedule) -> None:
    """Check DDIM(0) = Euler in σ/α = flow Euler = DPM-Solver++ 1 = DEIS 1."""
    x = started(schedule)
    expected = walk(DDIM(), x, context(schedule, never, bent))
    for sampler in (
        Euler(),
        FlowEuler(),
        DPMSolver(order=1),
        DEIS(order=1),
        EulerAncestral(eta=0.0),
        AcceleratedDDIM(gamma=1.0),
    ):
        states = walk(sampler, x, context(schedule, never, bent))
        torch.testing.assert_close(states, expected, rtol=0, atol=1e-12 * schedule.prior_std())


@every_schedule
@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_euler_ancestral_is_ddim(schedule: Schedule, eta: float) -> None:
    x = started(schedule)
    expected = walk(DDIM(eta=eta), x, context(schedule, Draw(), bent))
    states = walk(EulerAncestral(eta=eta), x, context(schedule, Draw(), bent))
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-12 * schedule.prior_std())


@every_schedule
def test_the_first_order_sde_solver_is_ddpm(schedule: Schedule) -> None:
    """Check SDE-DPM-Solver++ 1 = DDIM(η = 1) = DDPM(β̃)."""
    x = started(schedule)
    expected = walk(DDPM(), x, context(schedule, Draw(), bent))
    for sampler in (DPMSolver(order=1, sde=True), DDIM(eta=1.0)):
        states = walk(sampler, x, context(schedule, Draw(), bent))
        torch.testing.assert_close(states, expected, rtol=0, atol=1e-12 * schedule.prior_std())


@every_schedule
def test_karras_without_churn_is_heun(schedule: Schedule) -> None:
    x = started(schedule)
    expected = walk(Heun(), x, context(schedule, never, bent))
    for sampler in (Karras(churn=0.0), Karras(low=1e6), Karras(high=0.0)):
        torch.testing.assert_close(walk(sampler, x, context(schedule, never, bent)), expected, rtol=0, atol=0)


@every_schedule
def test_ddpm_variance_is_interpolated_in_the_logarithm(schedule: Schedule) -> None:
    t, s = schedule.at(7), schedule.at(4)
    least, most = posterior(s, t).variance, transition(s, t).variance
    x = started(schedule, at=7)
    variances = {}
    for v in (0.0, 0.25, 1.0, "posterior", "beta"):
        step = DDPM(variance=v).step(x, t, s, context(schedule, Draw(), bent), None)
        mean = DDPM(variance=v).step(x, t, s, context(schedule, lambda like, stream="": 0 * like, bent), None)
        variances[v] = ((step.x - mean.x) / step.noise).mean().item() ** 2
    assert variances[0.0] == variances["posterior"] == pytest.approx(least, rel=1e-12)
    assert variances[1.0] == variances["beta"] == pytest.approx(most, rel=1e-12)
    assert math.log(variances[0.25]) == pytest.approx(0.25 * math.log(most) + 0.75 * math.log(least), rel=1e-12)


def test_reverse_sde_is_the_discretised_equation() -> None:
    """Compare with x_s = (2 − √(1−β))·x + β·score + √β·z on a β schedule (Song et al., Eq. 46)."""
    schedule, x = Linear(steps=20), started(Linear(steps=20))
    t, s = schedule.at(12), schedule.at(11)
    beta = float(schedule.betas()[11])
    score = (t.alpha * bent(x, t) - x) / t.sigma**2
    for temperature in (0.0, 0.25, 1.0):
        draw = Draw()
        step = ReverseSDE(temperature=temperature).step(x, t, s, context(schedule, draw, bent), None)
        z = draw.given[0] if temperature else 0
        expected = (2 - math.sqrt(1 - beta)) * x + beta * score + math.sqrt(temperature * beta) * z
        torch.testing.assert_close(step.x, expected, rtol=0, atol=1e-12)


def test_predictor_corrector_without_corrections_is_the_reverse_sde() -> None:
    schedule, x = SCHEDULES["vp"], started(SCHEDULES["vp"])
    states = walk(PredictorCorrector(corrections=0), x, context(schedule, Draw(), bent))
    assert torch.equal(torch.stack(states), torch.stack(walk(ReverseSDE(), x, context(schedule, Draw(), bent))))


# Exponential integrals


@pytest.mark.parametrize("z", [1e-8, 1e-3, 0.3, 0.999, 1.0, 3.0, 50.0, math.inf])
def test_moments_of_the_exponential(z: float) -> None:
    """Compare with ∫ z·e^{−z(1−v)}·v^k dv by quadrature; for z = ∞, all mass is at v = 1."""
    values = moments(z, 4)
    if z == math.inf:
        assert values == [1.0] * 4
        return
    import numpy as np

    nodes, node_weights = np.polynomial.legendre.leggauss(200)
    v = (nodes + 1) / 2
    expected = [float(node_weights / 2 @ (z * np.exp(-z * (1 - v)) * v**k)) for k in range(4)]
    assert values == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("z", [1e-4, 0.5, 4.0])
def test_weights_are_exact_for_polynomials(z: float) -> None:
    nodes = [0.0, 1.0, -0.7, -1.9]
    for k, expected in enumerate(moments(z, 4)):
        assert math.fsum(w * v**k for w, v in zip(weights(z, nodes), nodes, strict=True)) == pytest.approx(
            expected, rel=1e-9
        )


# Denoiser calls


@pytest.mark.parametrize(
    ("sampler", "calls"),
    [(Euler(), 1), (DEIS(), 1), (DPMSolver(), 1), (UniPC(), 1), (Heun(), 2), (FlowHeun(), 2), (RK4(), 4)],
    ids=repr,
)
def test_calls_per_step(sampler: Sampler, calls: int) -> None:
    """n steps make n·c − (c − 1) calls, since the last one is an Euler step."""
    schedule, times = Linear(steps=10), []

    def counted(x: Tensor, level: Level) -> Tensor:
        times.append(level.t)
        return bent(x, level)

    walk(sampler, started(schedule), context(schedule, never, counted))
    assert len(times) == 10 * calls - (calls - 1)


def test_forward_and_reverse_samplers_record_their_noise() -> None:
    schedule = Cosine(steps=12)
    for sampler in (Forward(), ReverseSDE(), DPMSolver(sde=True), Karras(churn=3.0), EulerAncestral()):
        draw = Draw()
        t, s = (schedule.at(t) for t in tuple(sampler.path(schedule, None))[5:7])
        step = sampler.step(started(schedule, 6), t, s, context(schedule, draw, bent), None)
        assert step.noise is draw.given[0]
        assert len(draw.given) == 1
