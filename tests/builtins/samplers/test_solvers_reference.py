"""Samplers step by step, and schedules, against two independent implementations: diffusers and azula.

Same denoiser, same noise, same times. diffusers' index i is our t = i + 1; its ᾱ is float32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import azula.denoise
import azula.noise
import azula.sample
import diffusers as hf
import numpy as np
import pytest
import torch
from diffusers.schedulers.scheduling_ddim import rescale_zero_terminal_snr
from torch import Tensor
from walking import DOUBLE, Draw, bent, context, never, walk

from noisereel.contracts.sampler import Sampler
from noisereel.contracts.schedule import Level, Schedule, Spacing
from noisereel_builtins.samplers.ancestral.ddim import DDIM
from noisereel_builtins.samplers.ancestral.ddpm import DDPM
from noisereel_builtins.samplers.ancestral.repaint import RePaint
from noisereel_builtins.samplers.ode.deis import DEIS
from noisereel_builtins.samplers.ode.dpm_solver import DPMSolver
from noisereel_builtins.samplers.ode.euler import Euler
from noisereel_builtins.samplers.ode.flow_euler import FlowEuler
from noisereel_builtins.samplers.ode.flow_heun import FlowHeun
from noisereel_builtins.samplers.ode.heun import Heun
from noisereel_builtins.samplers.ode.unipc import UniPC
from noisereel_builtins.samplers.sde.euler_ancestral import EulerAncestral
from noisereel_builtins.samplers.sde.predictor_corrector import PredictorCorrector
from noisereel_builtins.schedules.cosine import Cosine
from noisereel_builtins.schedules.edm import EDM
from noisereel_builtins.schedules.linear import Linear
from noisereel_builtins.schedules.log_linear import LogLinear
from noisereel_builtins.schedules.quadratic import Quadratic
from noisereel_builtins.schedules.rectified_flow import RectifiedFlow
from noisereel_builtins.schedules.sigmoid import Sigmoid
from noisereel_builtins.schedules.vp import VP
from noisereel_builtins.schedules.zero_terminal_snr import ZeroTerminalSNR
from noisereel_builtins.spacings.leading import Leading
from noisereel_builtins.spacings.trailing import Trailing

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:diffusers")

LINEAR = Linear(beta_start=1e-4, beta_end=0.02)
COMMON = {"num_train_timesteps": 1000, "beta_schedule": "linear", "beta_start": 1e-4, "beta_end": 0.02}


def start(schedule: Schedule, n: int = 64) -> Tensor:
    return schedule.prior_std() * torch.randn(n, 2, generator=torch.Generator().manual_seed(7))


def at_index(schedule: Schedule, i: float) -> Level:
    return schedule.at(float(i) + 1)


def theirs(
    scheduler: Any, steps: int, schedule: Schedule, *, predicts: str, over_alpha: bool = False, taken: int | None = None
) -> list[Tensor]:
    """Return diffusers' states in our units, including the first; of the first ``taken`` steps, or of all if None."""
    scheduler.set_timesteps(steps)
    generator = torch.Generator().manual_seed(0)
    x = start(schedule)
    levels = [at_index(schedule, i) for i in scheduler.timesteps]
    states = [x]
    x = x / levels[0].alpha if over_alpha else x
    following_levels = [*levels[1:], schedule.at(0)]
    for i, level, following in list(zip(scheduler.timesteps, levels, following_levels, strict=True))[:taken]:
        unscaled = x * level.alpha if over_alpha else x
        x0 = bent(unscaled, level)
        output = {"sample": x0, "epsilon": (unscaled - level.alpha * x0) / level.sigma}[predicts]
        takes_noise = "generator" in scheduler.step.__code__.co_varnames
        x = scheduler.step(output, i, x, **({"generator": generator} if takes_noise else {})).prev_sample
        states.append(x * following.alpha if over_alpha else x)
    return states


def ours(sampler: Sampler, schedule: Schedule, draw: Callable | None = None) -> list[Tensor]:
    return walk(sampler, start(schedule), context(schedule, draw or never, bent))


def assert_same(states: list[Tensor], expected: list[Tensor], tolerance: float = 1e-5) -> None:
    assert len(states) == len(expected) > 10
    for k, (a, b) in enumerate(zip(states, expected, strict=True)):
        assert a.dtype == torch.float32
        name_state = lambda message, k=k: f"state {k}: {message}"  # noqa: E731
        torch.testing.assert_close(a, b.to(a.dtype), rtol=tolerance, atol=tolerance, msg=name_state)
    assert not torch.allclose(states[0], states[-1], atol=0.1)


@pytest.mark.parametrize(
    ("schedule", "name"),
    [(Linear(), "linear"), (Quadratic(), "scaled_linear"), (Cosine(), "squaredcos_cap_v2"), (Sigmoid(), "sigmoid")],
)
def test_alpha_bars_equal_those_of_diffusers(schedule: Schedule, name: str) -> None:
    table = hf.DDPMScheduler(**{**COMMON, "beta_schedule": name}).alphas_cumprod
    alpha_bars = [at_index(schedule, i).alpha ** 2 for i in range(1000)]
    np.testing.assert_allclose(alpha_bars, table.numpy(), rtol=2e-5)


def test_zero_terminal_snr_equals_that_of_diffusers() -> None:
    table = torch.cumprod(1 - rescale_zero_terminal_snr(torch.tensor(LINEAR.betas())), 0)
    alpha_bars = [at_index(ZeroTerminalSNR(of=LINEAR), i).alpha ** 2 for i in range(1000)]
    np.testing.assert_allclose(alpha_bars, table.numpy(), rtol=1e-10, atol=1e-15)


def test_edm_levels_equal_those_of_diffusers() -> None:
    scheduler = hf.EDMEulerScheduler(sigma_min=0.002, sigma_max=80.0, rho=7.0)
    scheduler.set_timesteps(18)
    schedule = EDM(steps=18)
    np.testing.assert_allclose([schedule.at(18 - i).sigma for i in range(19)], scheduler.sigmas.numpy(), rtol=1e-5)


def test_log_linear_equals_azulas_ve_from_its_first_step_on() -> None:
    schedule, table = LogLinear(steps=11, sigma_min=0.01, sigma_max=50.0), azula.noise.VESchedule(0.01, 50.0)
    u = torch.linspace(0, 1, 11, dtype=DOUBLE)
    np.testing.assert_allclose([schedule.at(1 + k).sigma for k in range(11)], table.sigma(u).numpy(), rtol=1e-12)


def test_rectified_flow_equals_that_of_azula() -> None:
    alpha, sigma = azula.noise.RectifiedSchedule(alpha_min=0, sigma_min=0)(torch.linspace(0, 1, 11, dtype=DOUBLE))
    levels = [RectifiedFlow(steps=10).at(k) for k in range(11)]
    np.testing.assert_allclose([level.alpha for level in levels], alpha.numpy(), atol=1e-15)
    np.testing.assert_allclose([level.sigma for level in levels], sigma.numpy(), atol=1e-15)


@pytest.mark.parametrize(("variance", "name"), [("posterior", "fixed_small"), ("beta", "fixed_large")])
def test_ddpm_equals_that_of_diffusers(variance: str, name: str) -> None:
    scheduler = hf.DDPMScheduler(**COMMON, variance_type=name, clip_sample=False, prediction_type="sample")
    states = ours(DDPM(variance=variance, steps=50, spacing=Leading()), LINEAR, Draw())
    # diffusers' last step, which spans several times, draws noise, too; our step to clean data draws none.
    assert_same(states[:-1], theirs(scheduler, 50, LINEAR, predicts="sample", taken=49))


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("spacing", "name"), [(Leading(), "leading"), (Trailing(), "trailing")])
def test_ddim_equals_that_of_diffusers(eta: float, spacing: Spacing, name: str) -> None:
    scheduler = hf.DDIMScheduler(**COMMON, clip_sample=False, prediction_type="sample", timestep_spacing=name)
    scheduler.set_timesteps(50)
    generator, x = torch.Generator().manual_seed(0), start(LINEAR)
    states = [x]
    for i in scheduler.timesteps:
        x = scheduler.step(bent(x, at_index(LINEAR, i)), i, x, eta=eta, generator=generator).prev_sample
        states.append(x)
    assert_same(ours(DDIM(eta=eta, steps=50, spacing=spacing), LINEAR, Draw()), states)


@pytest.mark.parametrize(
    ("sampler", "cls"),
    [
        (Euler(), hf.EulerDiscreteScheduler),
        (EulerAncestral(), hf.EulerAncestralDiscreteScheduler),
    ],
)
def test_euler_equals_that_of_diffusers(sampler: Sampler, cls: Any) -> None:
    scheduler = cls(**COMMON, timestep_spacing="trailing", prediction_type="epsilon")
    chosen = sampler.model_copy(update={"steps": 50, "spacing": Trailing()})
    assert_same(ours(chosen, LINEAR, Draw()), theirs(scheduler, 50, LINEAR, predicts="epsilon", over_alpha=True))


@pytest.mark.parametrize(
    ("sampler", "options"),
    [
        (DPMSolver(order=1), {"solver_order": 1}),
        (DPMSolver(order=2), {"solver_order": 2}),
        (DPMSolver(order=3, published=True), {"solver_order": 3}),
        (DPMSolver(order=1, sde=True), {"solver_order": 1, "algorithm_type": "sde-dpmsolver++"}),
        (DPMSolver(order=2, sde=True), {"solver_order": 2, "algorithm_type": "sde-dpmsolver++"}),
    ],
)
def test_dpm_solver_equals_that_of_diffusers(sampler: Sampler, options: dict[str, Any]) -> None:
    scheduler = hf.DPMSolverMultistepScheduler(
        **{**COMMON, "algorithm_type": "dpmsolver++", **options}, timestep_spacing="trailing", prediction_type="sample"
    )
    chosen = sampler.model_copy(update={"steps": 25, "spacing": Trailing()})
    # diffusers draws noise in its last step, too, and multiplies it by σ_s = 0.
    assert_same(ours(chosen, LINEAR, Draw()), theirs(scheduler, 25, LINEAR, predicts="sample"))


def test_the_default_third_order_differs_from_diffusers() -> None:
    scheduler = hf.DPMSolverMultistepScheduler(
        **COMMON, solver_order=3, timestep_spacing="trailing", prediction_type="sample"
    )
    states = ours(DPMSolver(order=3, steps=25, spacing=Trailing()), LINEAR)
    with pytest.raises(AssertionError):
        assert_same(states, theirs(scheduler, 25, LINEAR, predicts="sample"))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_unipc_equals_that_of_diffusers(order: int) -> None:
    scheduler = hf.UniPCMultistepScheduler(
        **COMMON,
        solver_order=order,
        solver_type="bh2",
        lower_order_final=order < 3,
        timestep_spacing="trailing",
        prediction_type="sample",
        final_sigmas_type="zero",
    )
    taken = 24 if order == 3 else 25  # diffusers' third order divides by infinity in the step to clean data
    states = ours(UniPC(order=order, steps=25, spacing=Trailing()), LINEAR)
    assert_same(states[: taken + 1], theirs(scheduler, 25, LINEAR, predicts="sample", taken=taken))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_deis_equals_that_of_diffusers(order: int) -> None:
    scheduler = hf.DEISMultistepScheduler(
        **COMMON, solver_order=order, timestep_spacing="trailing", prediction_type="sample"
    )
    states = ours(DEIS(order=order, polynomial="log-sigma", steps=25, spacing=Trailing()), LINEAR)
    # diffusers takes the logarithm of σ = 0 in the step to clean data; its weights are small differences in float32.
    expected = theirs(scheduler, 25, LINEAR, predicts="sample", taken=24)
    assert_same(states[:-1], expected, tolerance=1e-5 if order < 3 else 1e-4)


def test_a_correction_equals_that_of_diffusers() -> None:
    """Use noise and score of their expected lengths: diffusers and the paper set the step size by their norms."""
    schedule, sampler = EDM(steps=20), PredictorCorrector(snr=0.3)
    level, scheduler = schedule.at(12), hf.ScoreSdeVeScheduler(snr=0.3)
    scheduler.set_timesteps(20)
    z = torch.randn(1, 64, generator=torch.Generator().manual_seed(1))
    eps = z.flip(1)  # of the same length
    x = torch.linspace(-2, 2, 64)[None]
    ctx = context(schedule, Draw(1), lambda x, level: x - level.sigma * eps)
    result = sampler.step(x, level, level, ctx, None).x
    generator = torch.Generator().manual_seed(1)
    torch.testing.assert_close(
        result, scheduler.step_correct(-eps / level.sigma, x, generator).prev_sample, rtol=1e-6, atol=1e-6
    )


def test_flow_euler_equals_that_of_diffusers() -> None:
    schedule = RectifiedFlow(steps=1000)
    scheduler = hf.FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000)
    scheduler.set_timesteps(sigmas=[1 - k / 25 for k in range(25)])
    x = start(schedule)
    states = [x]
    for i, sigma in zip(scheduler.timesteps, scheduler.sigmas, strict=False):
        level = schedule.at(min(float(sigma) * 1000, 1000.0))
        x = scheduler.step((x - bent(x, level)) / level.sigma, i, x).prev_sample
        states.append(x)
    assert_same(ours(FlowEuler(steps=25), schedule), states)


def repaint_path(steps: int, jump: int, repeats: int) -> list[float]:
    scheduler = hf.RePaintScheduler(num_train_timesteps=steps)
    scheduler.set_timesteps(steps, jump_length=jump, jump_n_sample=repeats)
    return [*(float(i) + 1 for i in scheduler.timesteps), 0.0]


@pytest.mark.parametrize(("steps", "jump", "repeats"), [(20, 5, 3), (50, 10, 2), (30, 7, 4), (9, 10, 3), (20, 4, 1)])
def test_repaint_visits_the_times_of_diffusers(steps: int, jump: int, repeats: int) -> None:
    path = RePaint(jump=jump, repeats=repeats).path(Linear(steps=steps), None)
    assert list(path) == repaint_path(steps, jump, repeats)


class AzulaSchedule(azula.noise.Schedule):
    """A noisereel schedule for azula: u = t/T."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule

    def __call__(self, u: Tensor) -> tuple[Tensor, Tensor]:
        levels = [self.schedule.at(float(v) * self.schedule.T) for v in u.flatten()]
        return tuple(
            torch.tensor([getattr(level, name) for level in levels], dtype=u.dtype).reshape(u.shape)
            for name in ("alpha", "sigma")
        )


class AzulaDenoiser(azula.denoise.Denoiser):
    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self.ours, self.schedule = schedule, AzulaSchedule(schedule)

    def forward(self, x_t: Tensor, t: Tensor, **kwargs: Any) -> azula.denoise.DiracPosterior:
        return azula.denoise.DiracPosterior(bent(x_t, self.ours.at(float(t) * self.ours.T)))


@pytest.fixture
def same_noise(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    draw = Draw()
    monkeypatch.setattr(torch, "randn_like", lambda like, **kwargs: draw(like))
    yield


@pytest.mark.usefixtures("same_noise")
@pytest.mark.parametrize(
    ("sampler", "their_sampler", "options"),
    [
        (DDPM(), azula.sample.DDPMSampler, {}),
        (DDIM(), azula.sample.DDIMSampler, {"eta": 0.0}),
        # azula multiplies the variance by η; the paper multiplies the standard deviation.
        (DDIM(eta=0.5), azula.sample.DDIMSampler, {"eta": 0.25}),
        (Euler(), azula.sample.EulerSampler, {}),
        (Heun(), azula.sample.HeunSampler, {}),
        (DEIS(order=1), azula.sample.zABSampler, {"order": 1}),
        (DEIS(order=2), azula.sample.zABSampler, {"order": 2}),
        (DEIS(order=3), azula.sample.zABSampler, {"order": 3}),
    ],
)
@pytest.mark.parametrize("schedule", [VP(steps=10), EDM(steps=10), LogLinear(steps=10)])
def test_samplers_equal_those_of_azula(
    schedule: Schedule, sampler: Sampler, their_sampler: Any, options: dict[str, Any]
) -> None:
    """Compare in float64, to 1e-9, down to t = 1: azula has no step to clean data."""
    times = [10 - 9 * k / 20 for k in range(21)]
    stop = times[-1] / schedule.T
    azula_sampler = their_sampler(AzulaDenoiser(schedule), steps=20, stop=stop, silent=True, dtype=DOUBLE, **options)
    x = start(schedule).double()
    result = walk(sampler, x, context(schedule, Draw(), bent), times)[-1]
    torch.testing.assert_close(result, azula_sampler(x), rtol=0, atol=1e-9 * max(1.0, schedule.prior_std()))


def test_flow_heun_equals_the_textbook_formula_for_velocities() -> None:
    """On a rectified flow, v̂ = (x − x̂_0)/σ and x need no scaling: compare with Heun's textbook formula."""
    schedule = RectifiedFlow(steps=10)
    times = [10 - 9.5 * k / 20 for k in range(21)]
    x = start(schedule).double()
    result = walk(FlowHeun(), x, context(schedule, never, bent), times)[-1]
    for t, s in pairwise(times):
        level_t, level_s = schedule.at(t), schedule.at(s)
        first = (x - bent(x, level_t)) / level_t.sigma
        trial = x + (s - t) / 10 * first
        x = x + (s - t) / 10 * (first + (trial - bent(trial, level_s)) / level_s.sigma) / 2
    torch.testing.assert_close(result, x, rtol=0, atol=1e-12)
