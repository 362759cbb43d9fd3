"""Samplers against closed forms: paths, moments, equalities between samplers, and the noise they draw."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor
from walking import DOUBLE, Draw, bent, context, never

from noisereel.contracts.sampler import Sampler, StepContext
from noisereel.contracts.schedule import Schedule, Spacing
from noisereel_builtins.samplers.ancestral.ddim import DDIM
from noisereel_builtins.samplers.ancestral.ddpm import DDPM
from noisereel_builtins.samplers.forward.forward import Forward
from noisereel_builtins.samplers.forward.forward_jump import ForwardJump
from noisereel_builtins.schedules.betas import Betas
from noisereel_builtins.schedules.cosine import Cosine
from noisereel_builtins.schedules.linear import Linear
from noisereel_builtins.schedules.random_walk import RandomWalk
from noisereel_builtins.spacings.leading import Leading
from noisereel_builtins.spacings.trailing import Trailing

SCHEDULES = [Linear(steps=20), Cosine(steps=12), RandomWalk(steps=9, step_std=0.7)]


def walk(sampler: Sampler, x: Tensor, ctx: StepContext, start: float | None = None) -> list[Tensor]:
    """Return the states along the sampler's path."""
    states = [x]
    for t, s in pairwise(sampler.path(ctx.schedule, start)):
        states.append(sampler.step(states[-1], ctx.schedule.at(t), ctx.schedule.at(s), ctx, None).x)
    return states


@pytest.mark.parametrize(
    ("sampler", "start", "expected"),
    [
        (Forward(), None, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (Forward(every=4), None, [0, 4, 8, 10]),
        (Forward(every=99), None, [0, 10]),
        (Forward(every=4), 3.5, [3.5, 7.5, 10]),
        (Forward(steps=4), None, [0, 2.5, 5, 7.5, 10]),
        (Forward(steps=4), 8.0, [8, 8.5, 9, 9.5, 10]),
        (ForwardJump(steps=3, spacing=Trailing()), None, [0, 3, 7, 10]),
        (Forward(steps=3, spacing=Leading()), 2.0, [2, 4, 7, 10]),
        (Forward(), 10.0, [10]),
        (DDPM(), None, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
        (DDIM(steps=4), None, [10, 7.5, 5, 2.5, 0]),
        (DDIM(steps=3, spacing=Leading()), None, [7, 4, 1, 0]),
    ],
)
def test_paths(sampler: Sampler, start: float | None, expected: list[float]) -> None:
    assert list(sampler.path(Linear(steps=10), start)) == expected


def test_every_excludes_other_spacings() -> None:
    with pytest.raises(ValidationError) as error:
        Forward(every=2, steps=5)
    assert [e["msg"] for e in error.value.errors()] == [
        "Value error, give either 'every' or 'steps' and 'spacing', not both"
    ]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("sampler", [Forward(), Forward(every=5), Forward(steps=3), ForwardJump()])
def test_forward_has_the_moments_of_the_kernel(schedule: Schedule, sampler: Sampler) -> None:
    """Check x_t ~ N(α_t·x_0, σ_t²) at every visit: 10⁵ draws, within 5 standard errors."""
    n, x0 = 100_000, 1.5
    origin = torch.full((n, 1), x0, dtype=DOUBLE)
    states = walk(sampler, origin, context(schedule, Draw(), origin=origin))
    for t, x in zip(sampler.path(schedule, None), states, strict=True):
        level = schedule.at(t)
        assert abs(float(x.mean()) - level.alpha * x0) <= 5 * level.sigma / math.sqrt(n)
        assert abs(float(x.var()) - level.sigma**2) <= 5 * level.sigma**2 * math.sqrt(2 / n)


def test_forward_correlates_neighbouring_times_and_jumps_do_not() -> None:
    """The correlation of x_5 and x_10 given x_0 is a·σ_5/σ_10 for the chain, and 0 for jumps."""
    schedule, origin = Linear(steps=10), torch.zeros(100_000, 1, dtype=DOUBLE)
    s, t = schedule.at(5), schedule.at(10)
    for sampler, expected in ((Forward(), t.alpha / s.alpha * s.sigma / t.sigma), (ForwardJump(), 0.0)):
        states = walk(sampler, origin, context(schedule, Draw(1), origin=origin))
        correlation = float(torch.corrcoef(torch.cat([states[5], states[10]], 1).T)[0, 1])
        assert correlation == pytest.approx(expected, abs=5 / math.sqrt(100_000))


@pytest.mark.parametrize("sampler", [Forward(), ForwardJump(), DDPM(), DDPM(variance="beta"), DDIM(eta=0.5)])
def test_the_drawn_noise_is_recorded_and_x_is_not_modified(sampler: Sampler) -> None:
    schedule = Linear(steps=10)
    t, s = map(schedule.at, tuple(sampler.path(schedule, None))[3:5])
    x = torch.randn(6, 2, generator=torch.Generator().manual_seed(3))
    before, origin, draw = x.clone(), torch.ones(6, 2), Draw()
    step = sampler.step(x, t, s, context(schedule, draw, bent, origin), None)
    assert step.noise is draw.given[0]
    assert len(draw.given) == 1
    assert torch.equal(x, before)
    assert torch.equal(origin, torch.ones(6, 2))
    assert step.x.dtype == torch.float32
    assert step.carry is None


def test_forward_step_is_invertible_from_its_noise() -> None:
    schedule = Betas(values=(0.1, 0.2, 0.5, 0.3))
    x = torch.randn(50, 2, dtype=DOUBLE, generator=torch.Generator().manual_seed(3))
    step = Forward().step(x, schedule.at(2), schedule.at(3), context(schedule, Draw()), None)
    torch.testing.assert_close((step.x - math.sqrt(0.5) * step.noise) / math.sqrt(0.5), x, rtol=0, atol=1e-12)


def test_forward_jump_needs_data() -> None:
    schedule = Linear(steps=10)
    with pytest.raises(ValueError) as error:
        ForwardJump().step(torch.zeros(1, 2), schedule.at(0), schedule.at(1), context(schedule, Draw()), None)
    assert str(error.value) == "the clean samples that particles came from are not known: start the run from data"
    assert ForwardJump.needs == {"data"}
    assert Forward.needs == set()
    assert DDIM.needs == DDPM.needs == {"denoiser"}


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [None, 3])
def test_ddim_with_eta_1_is_ddpm(schedule: Schedule, steps: int | None) -> None:
    x = schedule.prior_std() * torch.randn(100, 2, dtype=DOUBLE, generator=torch.Generator().manual_seed(5))
    ddpm = walk(DDPM(variance="posterior", steps=steps), x, context(schedule, Draw(), bent))
    ddim = walk(DDIM(eta=1.0, steps=steps), x, context(schedule, Draw(), bent))
    for a, b in zip(ddpm, ddim, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12 * schedule.prior_std())


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_ddim_with_eta_0_draws_nothing_and_lands_on_a_point_mass(schedule: Schedule) -> None:
    """If the data are one point, x̂_0 is that point, and the path is the line α_t·x_0 + σ_t·ε with a single ε."""
    point = torch.tensor([0.3, -1.2], dtype=DOUBLE)
    eps = torch.randn(40, 2, dtype=DOUBLE, generator=torch.Generator().manual_seed(2))
    end = schedule.at(schedule.T)
    ctx = context(schedule, never, lambda x, level: point.expand_as(x))
    states = walk(DDIM(), end.alpha * point + end.sigma * eps, ctx)
    for t, x in zip(DDIM().path(schedule, None), states, strict=True):
        level = schedule.at(t)
        torch.testing.assert_close(x, level.alpha * point + level.sigma * eps, rtol=0, atol=1e-12)
    assert torch.equal(states[-1], point.expand(40, 2))


@pytest.mark.parametrize("sampler", [DDPM(), DDPM(variance="beta"), DDIM(eta=1.0)])
def test_no_noise_is_added_in_a_step_to_clean_data(sampler: Sampler) -> None:
    schedule, x = Linear(steps=10), torch.randn(8, 2, generator=torch.Generator().manual_seed(2))
    step = sampler.step(x, schedule.at(2), schedule.at(0), context(schedule, never, bent), None)
    assert step.noise is None
    assert torch.equal(step.x, bent(x, schedule.at(2)))
    assert torch.equal(step.x, step.x0)


def optimal(mean: float, variance: float) -> Callable:
    """Return E[x_0 | x_t] for data N(mean, variance): the regression of x_0 on x_t."""

    def model(x: Tensor, level) -> Tensor:
        gain = level.alpha * variance / (level.alpha**2 * variance + level.sigma**2)
        return mean + gain * (x - level.alpha * mean)

    return model


def propagated(sampler: Sampler, schedule: Schedule, mean: float, variance: float) -> list[tuple[float, float]]:
    """Return the mean and variance of x at every visit, for data N(mean, variance) and its exact denoiser.

    Each step is then affine in x and z, so three evaluations determine it.
    """
    x = torch.tensor([[0.0], [1.0], [0.0]], dtype=DOUBLE)
    z = torch.tensor([[0.0], [0.0], [1.0]], dtype=DOUBLE)
    ctx = context(schedule, lambda like, stream="noise": z, optimal(mean, variance))
    path = sampler.path(schedule, None)
    first = schedule.at(path[0])
    moments = [(first.alpha * mean, first.alpha**2 * variance + first.sigma**2)]
    for t, s in pairwise(path):
        shift, at_one, at_noise = sampler.step(x, schedule.at(t), schedule.at(s), ctx, None).x.flatten().tolist()
        m, v = moments[-1]
        moments.append(((at_one - shift) * m + shift, (at_one - shift) ** 2 * v + (at_noise - shift) ** 2))
    return moments


class EvenSigma(Spacing):
    """Times at which a random walk's σ = √t decreases in equal steps."""

    def times(self, schedule: Schedule, steps: int, start: float) -> tuple[float, ...]:
        return tuple(start * ((steps - k) / steps) ** 2 for k in range(steps + 1))


@pytest.mark.parametrize(("schedule", "spacing"), [(Cosine(steps=20), None), (RandomWalk(steps=10), EvenSigma())])
@pytest.mark.parametrize("sampler", [DDPM(variance="beta"), DDPM(), DDIM(), DDIM(eta=0.6)])
def test_gaussian_data_comes_back_to_first_order(sampler: Sampler, schedule: Schedule, spacing) -> None:
    """Twice the steps halve the error in the standard deviation; the mean is exact for any number of steps."""
    errors = []
    for steps in (200, 400, 800):
        chosen = sampler.model_copy(update={"steps": steps, "spacing": spacing})
        mean, variance = propagated(chosen, schedule, 0.7, 0.25)[-1]
        assert mean == pytest.approx(0.7, abs=1e-9)
        errors.append(abs(math.sqrt(variance) - 0.5))
    assert errors[-1] < 5e-3, errors
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.2), errors
    assert errors[1] / errors[2] == pytest.approx(2, abs=0.15), errors


@pytest.mark.parametrize("steps", [2, 5, 20])
def test_ddpm_beta_is_exact_for_standard_normal_data(steps: int) -> None:
    """x_t ~ N(0, 1) at every t, and the forward step is its own inverse; only the last step adds no noise."""
    for mean, variance in propagated(DDPM(variance="beta", steps=steps), Linear(steps=20), 0.0, 1.0)[:-1]:
        assert (mean, variance) == pytest.approx((0.0, 1.0), abs=1e-12)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("sampler", [DDPM(steps=4), DDIM(steps=4, eta=0.3), DDIM(steps=4)])
def test_marginals_are_exact_for_one_point(sampler: Sampler, schedule: Schedule) -> None:
    """Check x_s ~ N(α_s·x_0, σ_s²) at every visit, for long steps and any η."""
    moments = propagated(sampler, schedule, 0.7, 0.0)
    for t, mean_and_variance in zip(sampler.path(schedule, None), moments, strict=True):
        level = schedule.at(t)
        assert mean_and_variance == pytest.approx((level.alpha * 0.7, level.sigma**2), rel=1e-12, abs=1e-12)
