"""Samplers for special tasks: bridges, interpolation, likelihoods, inpainting."""

from __future__ import annotations

import math

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor
from walking import (
    DOUBLE,
    Draw,
    Gauss,
    bent,
    context,
    mixture,
    never,
    started,
    steps_along,
    walk,
)

from noisereel.contracts.schedule import Level, Schedule
from noisereel_builtins.samplers.ancestral.ddim_inversion import DDIMInversion
from noisereel_builtins.samplers.ancestral.ddpm import DDPM
from noisereel_builtins.samplers.ancestral.repaint import RePaint
from noisereel_builtins.samplers.forward.bridge import Bridge
from noisereel_builtins.samplers.forward.forward import Forward
from noisereel_builtins.samplers.forward.interpolation import Interpolation
from noisereel_builtins.samplers.ode.ode import ODE
from noisereel_builtins.schedules.edm import EDM
from noisereel_builtins.schedules.linear import Linear
from noisereel_builtins.schedules.random_walk import RandomWalk
from noisereel_builtins.schedules.rectified_flow import RectifiedFlow
from noisereel_builtins.schedules.vp import VP

DATA = Gauss(1.5, 0.25)
CONTINUOUS = VP(steps=1)
SCHEDULES = {"vp": Linear(steps=20), "ve": EDM(steps=20), "flow": RectifiedFlow(steps=20)}
every_schedule = pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)


# Fixed ends


@pytest.mark.parametrize(
    "schedule", [Linear(steps=8), RandomWalk(steps=8), RectifiedFlow(steps=8)], ids=["vp", "ve", "flow"]
)
def test_a_bridge_has_the_moments_of_the_conditioned_chain(schedule: Schedule) -> None:
    """x_s given x_0 and x_u is a regression: compare mean and variance at every time, for composed steps."""
    x0, end, u = 1.5, -0.7, schedule.at(6)
    sampler = Bridge(end=(end,), until=6.0)
    n = 100_000
    origin = torch.full((n, 1), x0, dtype=DOUBLE)
    states = steps_along(sampler, origin, context(schedule, Draw(), None, origin))
    assert [level.t for level, _ in states] == [1, 2, 3, 4, 5, 6]
    for s, step in states[:-1]:
        gain = s.sigma**2 * (u.alpha / s.alpha) / u.sigma**2
        mean = s.alpha * x0 + gain * (end - u.alpha * x0)
        variance = s.sigma**2 - gain**2 * u.sigma**2
        assert abs(float(step.x.mean()) - mean) <= 5 * math.sqrt(variance / n)
        assert abs(float(step.x.var()) - variance) <= 5 * variance * math.sqrt(2 / n)
    assert torch.equal(states[-1][1].x, torch.full_like(origin, end))


@every_schedule
def test_a_bridge_to_a_drawn_end_has_the_distribution_of_forward(schedule: Schedule) -> None:
    n, x0 = 100_000, 0.8
    origin = torch.full((n, 1), x0, dtype=DOUBLE)
    for level, step in steps_along(Bridge(steps=4), origin, context(schedule, Draw(), None, origin)):
        assert abs(float(step.x.mean()) - level.alpha * x0) <= 5 * level.sigma / math.sqrt(n)
        assert abs(float(step.x.var()) - level.sigma**2) <= 5 * level.sigma**2 * math.sqrt(2 / n)


def test_impossible_bridges_are_refused() -> None:
    schedule = Linear(steps=10)
    with pytest.raises(ValueError) as error:
        Bridge(until=12.0).path(schedule, None)
    assert str(error.value) == "'until' must be above 0 and at most T = 10, got 12"
    with pytest.raises(ValueError) as error:
        Bridge(until=4.0).path(schedule, 5.0)
    assert str(error.value) == "'until' must be above 5 and at most T = 10, got 4"
    with pytest.raises(ValueError) as error:
        walk(Bridge(end=(1.0,)), torch.zeros(3, 2), context(schedule, Draw()))
    assert str(error.value) == "'end' must have 2 numbers, one per coordinate, got 1"


def test_the_forward_process_stops_at_until() -> None:
    schedule = Linear(steps=10)
    assert Forward(until=4.0).path(schedule, None) == [0, 1, 2, 3, 4]
    assert Forward(until=4.0).path(schedule, 3.0) == [3, 4]
    assert Forward(every=3, until=7.5).path(schedule, None) == [0, 3, 6, 7.5]
    assert Forward().path(schedule, 10.0) == [10]
    with pytest.raises(ValueError, match=r"^'until' must be above 5 and at most T = 10, got 5$"):
        Forward(until=5.0).path(schedule, 5.0)


def test_interpolation_is_a_straight_line_on_a_flow() -> None:
    schedule, x0 = RectifiedFlow(steps=10), torch.randn(7, 2, dtype=DOUBLE, generator=torch.Generator().manual_seed(1))
    draw = Draw()
    states = walk(Interpolation(), x0, context(schedule, draw, None, x0))
    assert len(draw.given) == 1
    for t, x in enumerate(states):
        torch.testing.assert_close(x, x0 + t / 10 * (draw.given[0] - x0), rtol=0, atol=1e-12)


def test_interpolation_continues_from_the_particles_positions() -> None:
    """From t > 0, ε is the noise that the particles contain."""
    schedule, x0 = Linear(steps=10), torch.ones(7, 2, dtype=DOUBLE)
    states = walk(Interpolation(), x0, context(schedule, Draw(), None, x0))
    again = walk(Interpolation(), states[4], context(schedule, never, None, x0), list(range(4, 11)))
    torch.testing.assert_close(again, states[4:], rtol=0, atol=1e-12)


def test_interpolation_needs_data() -> None:
    with pytest.raises(ValueError) as error:
        walk(Interpolation(), torch.zeros(1, 2), context(Linear(steps=10), Draw()))
    expected = "the clean samples that particles came from are not known: start the run from data"
    assert str(error.value) == expected
    assert Interpolation.needs == {"data"}
    assert DDIMInversion.needs == {"denoiser"}


# The adaptive solver and the density


def test_the_tolerance_is_kept_for_every_particle() -> None:
    """Take one visible step over nearly all of time: with enough halvings, the error is within the tolerance."""
    begin, end = CONTINUOUS.at(1.0), CONTINUOUS.at(0.1)
    x = torch.linspace(-2.0, 2.0, 41, dtype=DOUBLE)[:, None]
    reference = walk(ODE(tolerance=1e-12, halvings=9), x, context(CONTINUOUS, never, mixture), [1.0, 0.1])[-1]
    for tolerance in (1e-3, 1e-5):
        result = walk(ODE(tolerance=tolerance, halvings=9), x, context(CONTINUOUS, never, mixture), [1.0, 0.1])[-1]
        assert float((result - reference).abs().max()) < 3 * tolerance
    exact = DATA.flow(x, begin, end)
    result = walk(ODE(tolerance=1e-8, halvings=9), x, context(CONTINUOUS, never, DATA), [1.0, 0.1])[-1]
    torch.testing.assert_close(result, exact, rtol=0, atol=1e-7)


def test_easy_particles_are_not_refined() -> None:
    """A point mass has a straight flow: one step is exact, as its halves confirm, after 1 + 3 + 6 calls."""
    calls = []

    def counted(model):
        return lambda x, level: (calls.append(level.t), model(x, level))[1]

    point = counted(lambda x, level: torch.full_like(x, 0.4))
    walk(ODE(), torch.ones(3, 1, dtype=DOUBLE), context(CONTINUOUS, never, point), [1.0, 0.1])
    assert len(calls) == 10
    calls.clear()
    walk(ODE(), torch.ones(3, 1, dtype=DOUBLE), context(CONTINUOUS, never, counted(mixture)), [1.0, 0.1])
    assert len(calls) > 10


def gaussian_density(x: Tensor, data: Gauss, level: Level) -> Tensor:
    """Return ln p_t(x) of the isotropic Gaussian, in nats."""
    mean, variance = data.noised(level)
    return -((x - mean) ** 2 / variance + math.log(2 * math.pi * variance)).flatten(1).sum(1) / 2


@pytest.mark.parametrize(
    ("schedule", "event_shape"),
    [
        (Linear(steps=8), (1,)),
        (EDM(steps=8), (2,)),
        (RectifiedFlow(steps=8), (2,)),
        (VP(steps=8), (3,)),
        (VP(steps=8), (2, 4)),
    ],
)
def test_the_likelihood_of_a_gaussian(schedule: Schedule, event_shape: tuple[int, ...]) -> None:
    """Check ln p_0(x_0) = ln p_T(x_T) − log_det within 1e-4 nats, with the exact marginal at T; also for Hutchinson."""
    first = schedule.at(schedule.T)
    x = DATA.sample(first, 12 * math.prod(event_shape)).reshape(12, *event_shape)
    sampler = ODE(likelihood=True, tolerance=1e-6, halvings=6)
    states = steps_along(sampler, x, context(schedule, Draw(), DATA))
    for level, step in states[::3] + states[-1:]:
        log_density = gaussian_density(x, DATA, first) - step.next_aux["log_det"]
        torch.testing.assert_close(log_density, gaussian_density(step.x, DATA, level), rtol=0, atol=1e-4)
    start = states[0][1]
    assert torch.equal(start.aux["log_det"], torch.zeros(12, dtype=DOUBLE))
    prior = gaussian_density(x, Gauss(0.0, 0.0), Level(schedule.T, 0.0, schedule.prior_std()))
    for values in (start.aux, states[-1][1].next_aux):
        torch.testing.assert_close(values["log_prior"], prior, rtol=0, atol=1e-9)


def test_the_likelihood_of_a_mixture_along_a_curved_flow() -> None:
    """The exact log_det is the log-derivative of the flow map, here by differences of neighbouring particles."""
    begin, h = 0.9, 1e-4
    x = torch.linspace(-2.0, 2.0, 21, dtype=DOUBLE)[:, None]
    sampler = ODE(likelihood=True, tolerance=1e-6, halvings=7)
    ctx = context(CONTINUOUS, never, mixture)
    step = steps_along(sampler, x, ctx, [begin, 0.1])[0][1]
    ends = [walk(sampler, x + shift, ctx, [begin, 0.1])[-1] for shift in (-h, h)]
    slope = (ends[1] - ends[0]) / (2 * h)
    torch.testing.assert_close(step.next_aux["log_det"], slope.log().flatten(), rtol=0, atol=1e-4)


def test_hutchinsons_estimate_is_unbiased() -> None:
    """If a denoiser mixes coordinates, one probe is noisy; on average it is exact."""
    matrix = torch.linalg.matrix_exp(0.3 * torch.randn(5, 5, dtype=DOUBLE, generator=torch.Generator().manual_seed(0)))
    model = lambda x, level: x @ (0.2 * matrix).T  # noqa: E731
    schedule, n = RectifiedFlow(steps=10), 40_000
    x = torch.zeros(n, 5, dtype=DOUBLE)
    t, s = schedule.at(5), schedule.at(4.5)
    step = ODE(likelihood=True, halvings=2).step(x, t, s, context(schedule, Draw(), model), None)
    # dx/du = (x − x̂_0)/u with x̂_0 = M·x: the trace of (1 − M)/u, integrated over u.
    expected = (5 - 0.2 * float(matrix.trace())) * math.log(s.sigma / t.sigma)
    log_det = step.next_aux["log_det"]
    assert float(log_det.std()) > 1e-3
    assert abs(float(log_det.mean()) - expected) < 5 * float(log_det.std()) / math.sqrt(n) + 1e-5


def test_a_likelihood_needs_a_gradient() -> None:
    schedule = Linear(steps=10)
    model = lambda x, level: DATA(x.detach(), level)  # noqa: E731
    with pytest.raises(ValueError) as error:
        walk(ODE(likelihood=True), torch.zeros(3, 2), context(schedule, Draw(), model))
    assert str(error.value) == "the likelihood needs a denoiser with a gradient, and this one has none"


# Inpainting


def test_repaint_keeps_what_is_given_at_every_level() -> None:
    """The given part is x_t ~ N(α_t·x_0, σ_t²) with new noise at every visit, and the sample itself at the end."""
    schedule, n = Linear(steps=20), 50_000
    origin = torch.tensor([1.5, -0.5], dtype=DOUBLE).expand(n, 2)
    sampler = RePaint(given=(0.0, 1.0), jump=5, repeats=2)
    steps = steps_along(sampler, started(schedule, n), context(schedule, Draw(), DATA, origin))
    for level, step in steps[:-1]:
        assert abs(float(step.x[:, 1].mean()) + 0.5 * level.alpha) <= 5.5 * level.sigma / math.sqrt(n)
        assert abs(float(step.x[:, 1].var()) - level.sigma**2) <= 5.5 * level.sigma**2 * math.sqrt(2 / n)
    last = steps[-1][1].x
    assert torch.equal(last[:, 1], origin[:, 1])
    assert not torch.equal(last[:, 0], origin[:, 0])


@every_schedule
def test_repaint_steps_are_those_of_the_paper(schedule: Schedule) -> None:
    """Compare with Eq. (8a to 8c) on the way down, for composed steps, and with the forward kernel on the way up."""
    s, t = schedule.at(5), schedule.at(8)
    x, x0 = started(schedule, 20, at=8), torch.ones(20, 2, dtype=DOUBLE)
    z = {name: torch.randn(20, 2, dtype=DOUBLE) for name in ("noise", "given")}
    ctx = context(schedule, lambda like, stream="noise": z[stream], bent, x0)
    sampler, a = RePaint(given=(1.0, 0.0)), t.alpha / s.alpha
    variance = t.sigma**2 - a**2 * s.sigma**2
    down, up = sampler.step(x, t, s, ctx, None), sampler.step(x, s, t, ctx, None)
    mean = (a * s.sigma**2 * x + s.alpha * variance * bent(x, t)) / t.sigma**2
    missing = mean + math.sqrt(variance) * s.sigma / t.sigma * z["noise"]
    expected = torch.stack([s.alpha * x0[:, 0] + s.sigma * z["given"][:, 0], missing[:, 1]], 1)
    close = {"rtol": 0, "atol": 1e-12 * schedule.prior_std()}
    torch.testing.assert_close(down.x, expected, **close)
    torch.testing.assert_close(up.x, a * x + math.sqrt(variance) * z["noise"], **close)


def test_repaint_with_nothing_given_is_ddpm_and_with_all_given_the_data() -> None:
    schedule, x = Linear(steps=20), started(Linear(steps=20), 6)
    origin = torch.ones(6, 2, dtype=DOUBLE)

    def only(name: str):
        draw = Draw()
        return lambda like, stream="noise": draw(like) if stream == name else torch.zeros_like(like)

    states = walk(RePaint(given=(0.0, 0.0), repeats=1), x, context(schedule, only("noise"), bent, origin))
    expected = walk(DDPM(), x, context(schedule, Draw(), bent, origin))
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-12)
    assert torch.equal(walk(RePaint(given=(1.0, 1.0)), x, context(schedule, Draw(), bent, origin))[-1], origin)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("left", [[1, 1, 0, 0]] * 2),
        ("right", [[0, 0, 1, 1]] * 2),
        ("top", [[1] * 4, [0] * 4]),
        ("bottom", [[0] * 4, [1] * 4]),
        (((1, 0, 0, 1), (0, 1, 0, 0)), [[1, 0, 0, 1], [0, 1, 0, 0]]),
    ],
)
@pytest.mark.parametrize("colours", [(), (3,)])
def test_repaint_knows_the_parts_of_a_picture(given, kept: list[list[int]], colours: tuple[int, ...]) -> None:
    schedule = Linear(steps=5)
    origin = torch.randn(3, 2, 4, *colours, generator=torch.Generator().manual_seed(1))
    x = torch.randn(origin.shape, generator=torch.Generator().manual_seed(2))
    last = walk(RePaint(given=given), x, context(schedule, Draw(), bent, origin))[-1]
    same = (last == origin).all(0)
    assert (same.all(-1) if colours else same).int().tolist() == kept


@pytest.mark.parametrize(
    ("half", "kept"),
    [("left", [1, 0, 1, 0]), ("right", [0, 1, 0, 1]), ("top", [1, 1, 0, 0]), ("bottom", [0, 0, 1, 1])],
)
def test_repaint_knows_the_halves_of_the_plane(half: str, kept: list[int]) -> None:
    schedule = Linear(steps=5)
    origin = torch.tensor([[-1.0, 1.0], [1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    last = walk(
        RePaint(given=half),
        torch.randn(4, 2, generator=torch.Generator().manual_seed(2)),
        context(schedule, Draw(), bent, origin),
    )[-1]
    assert (last == origin).all(1).int().tolist() == kept


def test_repaint_from_the_prior_is_given_the_rows_of_the_data() -> None:
    """Particle i is given row i mod n; ``first_row`` is the number of the first particle."""
    from noisereel.contracts.dataset import Data

    schedule, rows = Linear(steps=5), torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    ctx = context(schedule, Draw(), bent)._replace(data=Data(rows), first_row=2)
    last = walk(RePaint(given=(1.0, 1.0)), torch.zeros(3, 2), ctx)[-1]
    assert last.tolist() == [[5.0, 6.0], [1.0, 2.0], [3.0, 4.0]]


def test_masks_that_do_not_fit_are_refused() -> None:
    schedule = Linear(steps=5)
    for given, shape, expected in (
        ((1.0, 0.0, 1.0), (4, 2), "the mask must have the size of a sample, 2, got 3"),
        (((1.0, 0.0), (0.0, 1.0)), (4, 3, 2), "the mask must have the size of a sample, 3×2, got 2×2"),
        ((1.0, 0.0), (4, 3, 2, 3), "the mask must have the size of a sample, 3×2, got 2"),
    ):
        with pytest.raises(ValueError) as error:
            walk(RePaint(given=given), torch.zeros(shape), context(schedule, Draw(), bent, torch.zeros(shape)))
        assert str(error.value) == expected
    with pytest.raises(ValidationError) as invalid:
        RePaint(given=((1.0, 0.0), (1.0,)))
    assert [e["msg"] for e in invalid.value.errors()] == ["Value error, all rows of the mask must have the same length"]
