"""Every sampler on schedules whose SNR stays the same for a while, exactly or nearly."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from registered import example, keyed, names
from torch import Tensor
from walking import DOUBLE, Gauss, context, never, steps_along, walk

from noisereel.contracts.sampler import Sampler
from noisereel.contracts.schedule import Schedule
from noisereel_builtins.samplers.ode.deis import DEIS
from noisereel_builtins.samplers.ode.dpm_solver import DPMSolver
from noisereel_builtins.samplers.ode.unipc import UniPC
from noisereel_builtins.samplers.sde.karras import Karras
from noisereel_builtins.schedules.alpha_bars import AlphaBars
from noisereel_builtins.schedules.betas import Betas

PLATEAUS = {
    "one": Betas(values=(0.1, 0.2, 0.0, 0.3, 0.4)),
    "several": Betas(values=(0.1, 0.0, 0.0, 0.3, 0.0, 0.5)),
    "at-T": AlphaBars(values=(0.9, 0.5, 0.1, 0.1)),
    "all": AlphaBars(values=(0.1, 0.1, 0.1)),
    "nearly": Betas(values=(0.1, 0.2, 1e-12, 0.3, 1e-9, 0.4, 1e-15, 1e-6, 0.3)),
}
every_plateau = pytest.mark.parametrize("schedule", PLATEAUS.values(), ids=PLATEAUS)

SOLVERS: dict[str, list[dict[str, Any]]] = {
    "accelerated-ddim": [{}],
    "ddim": [{}],
    "deis": [{"order": p, "polynomial": of} for p in (1, 2, 3, 4) for of in ("sigma", "log-sigma")],
    "dpm-solver": [{"order": p} for p in (1, 2, 3)],
    "euler": [{}],
    "flow-euler": [{}],
    "flow-heun": [{}],
    "heun": [{}],
    "ode": [{}, {"likelihood": True}],
    "rk4": [{}],
    "unipc": [{"order": p} for p in (1, 2, 3)],
}
"""Options of the deterministic solvers, by name."""

EVERY = [
    pytest.param(name, options, id=f"{name}-{options}")
    for name in names("sampler")
    for options in SOLVERS.get(name, [{}])
]
EXACT = [pytest.param(name, options, id=f"{name}-{options}") for name in SOLVERS for options in SOLVERS[name]]


def particles(schedule: Schedule, n: int = 40) -> Tensor:
    return torch.randn(n, 2, dtype=DOUBLE, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(("name", "options"), EVERY)
@every_plateau
@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])
def test_states_stay_finite_and_of_normal_size(
    name: str, options: dict, schedule: Schedule, dtype: torch.dtype
) -> None:
    sampler: Sampler = example("sampler", name, **options)
    x = particles(schedule).to(dtype)
    for state in walk(sampler, x, context(schedule, keyed(0), Gauss(0.3, 0.4), x)):
        assert float(state.abs().max()) < 10


@pytest.mark.parametrize(("name", "options"), EXACT)
def test_a_step_within_a_plateau_leaves_particles_as_they_are(name: str, options: dict) -> None:
    schedule = PLATEAUS["several"]
    sampler: Sampler = example("sampler", name, **options)
    x = particles(schedule)
    steps = steps_along(sampler, x, context(schedule, keyed(0), Gauss(0.3, 0.4), x))
    states = [(schedule.at(schedule.T), x), *((level, step.x) for level, step in steps)]
    flat = [(a, b) for (t, a), (s, b) in pairwise(states) if t.log_snr == s.log_snr]
    assert len(flat) == 3
    for before, after in flat:
        torch.testing.assert_close(after, before, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("name", "options"), EXACT)
def test_a_plateau_changes_nothing_afterwards(name: str, options: dict) -> None:
    """The path over a plateau ends where the path without it does."""
    sampler: Sampler = example("sampler", name, **options)
    x = particles(PLATEAUS["one"])
    ends = []
    for values in ((0.1, 0.2, 0.3, 0.1, 0.4), (0.1, 0.2, 0.0, 0.3, 0.0, 0.0, 0.1, 0.4, 0.0)):
        ctx = context(Betas(values=values), keyed(0), Gauss(0.3, 0.4), x)
        ends.append(walk(sampler, x, ctx)[-1])
    tolerance = 1e-5 if name in ("ode", "rk4") else 1e-12  # these look levels up by bisection
    if name != "accelerated-ddim":  # extrapolates by the number of steps, not by their length
        torch.testing.assert_close(ends[1], ends[0], rtol=0, atol=tolerance)


@pytest.mark.parametrize(("name", "options"), EXACT)
def test_a_very_short_step_changes_little_afterwards(name: str, options: dict) -> None:
    """Estimates in float32 at nearly the same level must not be extrapolated: their difference is rounding."""
    sampler: Sampler = example("sampler", name, **options)
    if name == "accelerated-ddim":
        return
    for gap in (1e-15, 1e-12, 1e-9, 1e-7):
        ends = []
        for values in ((0.1, 0.2, 0.3, 0.1, 0.4), (0.1, 0.2, gap, 0.3, gap, gap, 0.1, 0.4, gap)):
            x = particles(PLATEAUS["one"]).float()
            ends.append(walk(sampler, x, context(Betas(values=values), keyed(0), Gauss(0.3, 0.4), x))[-1])
        torch.testing.assert_close(ends[1], ends[0], rtol=0, atol=3e-4)


def test_every_deterministic_solver_is_tried() -> None:
    assert set(SOLVERS) <= set(names("sampler"))


@pytest.mark.parametrize("sampler", [DEIS(), DPMSolver(), DPMSolver(sde=True), UniPC(), Karras()])
def test_no_step_within_a_plateau_draws_noise(sampler: Sampler) -> None:
    schedule = AlphaBars(values=(0.1, 0.1))
    t, s = schedule.at(2), schedule.at(1)
    x = particles(schedule)
    churn = isinstance(sampler, Karras)
    ctx = context(schedule, keyed(0) if churn else never, Gauss(0.3, 0.4), x)
    torch.testing.assert_close(sampler.step(x, t, s, ctx, None).x, x, rtol=0, atol=1e-12)
