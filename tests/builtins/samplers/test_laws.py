"""Invariants of every registered schedule, spacing and sampler; new ones are tested automatically."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from registered import REGISTRY, example, keyed, names
from torch import Tensor
from walking import DOUBLE, Gauss, context, rows_of, walk

from noisereel.contracts.sampler import Sampler, StepContext
from noisereel.contracts.schedule import Schedule, Spacing, check_schedule, signal_left
from noisereel_builtins.schedules.edm import EDM
from noisereel_builtins.schedules.linear import Linear
from noisereel_builtins.schedules.rectified_flow import RectifiedFlow
from noisereel_builtins.spacings.linspace import Linspace

SCHEDULES = {"vp": Linear(steps=12), "ve": EDM(steps=12), "flow": RectifiedFlow(steps=12)}


# Schedules


@pytest.mark.parametrize("name", names("schedule"))
def test_schedules_go_from_clean_data_to_noise(name: str) -> None:
    schedule: Schedule = example("schedule", name)
    assert check_schedule(schedule) is None
    clean = schedule.at(0)
    assert (clean.t, clean.alpha, clean.sigma) == (0.0, 1.0, 0.0)
    levels = [schedule.at(k / 997 * schedule.T) for k in range(998)]
    assert all(later.log_snr <= earlier.log_snr + 1e-12 for earlier, later in pairwise(levels))
    assert all(level.sigma > 0 for level in levels[1:])
    assert signal_left(schedule) < signal_left_at_1(schedule)


def signal_left_at_1(schedule: Schedule) -> float:
    first = schedule.at(1.0)
    return first.alpha / math.hypot(first.alpha, first.sigma)


@pytest.mark.parametrize("name", names("schedule"))
def test_schedules_know_their_prior_and_their_bounds(name: str) -> None:
    """The prior is the noise in x_T; variance-preserving schedules have Var(x_T) = 1 for data of unit variance."""
    schedule: Schedule = example("schedule", name)
    last = schedule.at(schedule.T)
    preserving = abs(last.alpha**2 + last.sigma**2 - 1) < 1e-9
    assert schedule.prior_std() == pytest.approx(1.0 if preserving else last.sigma)
    for t in (-0.5, schedule.T + 0.5, math.nan):
        with pytest.raises(ValueError, match="is outside"):
            schedule.at(t)


@pytest.mark.parametrize("name", names("schedule"))
def test_schedules_find_the_time_of_a_level(name: str) -> None:
    schedule: Schedule = example("schedule", name)
    for share in (0.05, 0.4, 0.8):
        level = schedule.at(share * schedule.T)
        assert schedule.at(schedule.time_of(level.log_snr)).log_snr == pytest.approx(level.log_snr, abs=1e-6)


# Spacings


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize("name", names("spacing"))
def test_spacings_fall_strictly_from_start(name: str, steps: int, schedule: Schedule) -> None:
    spacing: Spacing = example("spacing", name)
    start = schedule.T
    times = spacing.times(schedule, steps, start)
    assert all(isinstance(t, float) for t in times)
    assert all(later < earlier for earlier, later in pairwise(times))
    assert times[0] == start if name != "leading" else 1 <= times[0] <= start
    assert times[-1] == {"t-min": 0.5}.get(name, 0.0)
    assert len(times) == (4 if name == "times" else steps + 1)


# Samplers


def prepared(
    sampler: Sampler, schedule: Schedule, event_shape: tuple[int, ...], dtype: torch.dtype = torch.float32
) -> tuple[Tensor, StepContext]:
    """Return particles at the sampler's first time, and a context for them."""
    generator = torch.Generator().manual_seed(3)
    origin, z = (torch.randn(5, *event_shape, generator=generator, dtype=dtype) for _ in range(2))
    level = schedule.at(sampler.path(schedule, None)[0])
    return level.alpha * origin + level.sigma * z, context(schedule, keyed(0), Gauss(0.3, 0.4), origin)


every_sampler = pytest.mark.parametrize("name", names("sampler"))
every_schedule = pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)


@every_sampler
@every_schedule
def test_paths_have_the_right_ends_and_stay_inside(name: str, schedule: Schedule) -> None:
    sampler: Sampler = example("sampler", name)
    path = sampler.path(schedule, None)
    assert sorted((path[0], path[-1])) == [0, schedule.T]
    for start in (4.5, 9.0):
        remaining = sampler.path(schedule, start)
        assert remaining[0] == start
        assert remaining[-1] == path[-1]
        assert all(0 <= t <= schedule.T for t in remaining)


@every_sampler
@pytest.mark.parametrize("spacing", names("spacing"))
def test_samplers_take_any_spacing(name: str, spacing: str) -> None:
    schedule = SCHEDULES["vp"]
    chosen = example("spacing", spacing)
    sampler: Sampler = example("sampler", name, steps=4, spacing=chosen)
    missing = set(chosen.times(schedule, 4, schedule.T)) - set(sampler.path(schedule, None))
    assert missing == set()


@every_sampler
@every_schedule
@pytest.mark.parametrize("event_shape", [(2,), (4, 6)], ids=["points", "pictures"])
def test_walks_keep_shape_and_type_and_stay_finite(name: str, schedule: Schedule, event_shape: tuple[int, ...]) -> None:
    sampler: Sampler = example("sampler", name)
    for dtype in (torch.float32, DOUBLE):
        x, ctx = prepared(sampler, schedule, event_shape, dtype)
        for state in walk(sampler, x, ctx):
            assert state.shape == x.shape
            assert state.dtype == dtype
            assert bool(torch.isfinite(state).all())


@every_sampler
@every_schedule
def test_steps_do_not_modify_their_arguments(name: str, schedule: Schedule) -> None:
    sampler: Sampler = example("sampler", name)
    x, ctx = prepared(sampler, schedule, (2,))
    origin, carry = ctx.origin.clone(), None
    for t, s in pairwise(sampler.path(schedule, None)):
        before, tensors = x.clone(), []

        def model(x: Tensor, level: Any, labels: Any = None, tensors: list[Any] = tensors) -> Tensor:
            x0 = ctx.model(x, level)
            tensors.extend([(x, x.clone()), (x0, x0.clone())])
            return x0

        step = sampler.step(x, schedule.at(t), schedule.at(s), ctx._replace(model=model), carry)
        assert torch.equal(x, before)
        assert step.x is not x
        assert step.x0 is None or step.x is not step.x0
        for tensor, copy in tensors:
            assert torch.equal(tensor, copy)
        x, carry = step.x, step.carry
    assert torch.equal(ctx.origin, origin)


@every_sampler
@every_schedule
def test_states_depend_on_the_seed(name: str, schedule: Schedule) -> None:
    sampler: Sampler = example("sampler", name)
    x, ctx = prepared(sampler, schedule, (2,))
    drawn = []

    def watched(like: Tensor, stream: str = "noise") -> Tensor:
        drawn.append(stream)
        return keyed(0)(like, stream)

    walk(sampler, x, ctx._replace(draw=watched))
    first, again, other = (walk(sampler, x, ctx._replace(draw=keyed(seed))) for seed in (5, 5, 6))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    middle = len(first) // 2
    assert torch.equal(first[middle], other[middle]) == (not drawn)


@every_sampler
@every_schedule
def test_particles_are_independent_of_each_other(name: str, schedule: Schedule) -> None:
    """Compare a batch with its particles one by one."""
    sampler: Sampler = example("sampler", name)
    x, ctx = prepared(sampler, schedule, (2,), DOUBLE)
    together = walk(sampler, x, ctx._replace(draw=keyed(0)))
    for row in range(5):
        rows = slice(row, row + 1)
        alone = walk(sampler, x[rows], rows_of(ctx, rows, keyed(0, row)))
        for a, b in zip(alone, together, strict=True):
            torch.testing.assert_close(a, b[rows], rtol=1e-12, atol=1e-12)


@every_sampler
@every_schedule
def test_steps_that_call_the_model_give_its_estimate(name: str, schedule: Schedule) -> None:
    """Check that a step gives x̂_0 exactly if it calls the model."""
    sampler: Sampler = example("sampler", name)
    x, ctx = prepared(sampler, schedule, (2,))
    carry = None
    for t, s in pairwise(sampler.path(schedule, None)):
        calls = []

        def model(x: Tensor, level: Any, labels: Any = None, calls: list[Any] = calls) -> Tensor:
            calls.append(level)
            return ctx.model(x, level)

        step = sampler.step(x, schedule.at(t), schedule.at(s), ctx._replace(model=model), carry)
        assert (step.x0 is not None) == bool(calls)
        x, carry = step.x, step.carry


@pytest.mark.parametrize(
    "name", ["euler", "heun", "flow-euler", "flow-heun", "rk4", "ode", "deis", "unipc", "dpm-solver"]
)
def test_ode_solvers_have_no_eta(name: str) -> None:
    with pytest.raises(ValidationError) as error:
        REGISTRY.get("sampler", name)(eta=0.5)
    assert [(e["loc"], e["msg"]) for e in error.value.errors()] == [(("eta",), "Extra inputs are not permitted")]


def test_spacings_are_fields_of_samplers_and_nest() -> None:
    spacing = REGISTRY.get("spacing", "t-min")(t=2.0, of=Linspace())
    sampler = REGISTRY.get("sampler", "heun")(steps=2, spacing=spacing)
    assert list(sampler.path(SCHEDULES["vp"], None)) == [12, 7, 2]
