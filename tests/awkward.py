"""A deliberately awkward set of plugins, which exercises the contracts beyond the built-ins' needs.

It is loaded as a plugin file, like a user's own.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from pydantic import Field

from noisereel import (
    Arrows,
    Denoiser,
    Metric,
    Points,
    Polylines,
    Probe,
    Renderer,
    Sampler,
    Spacing,
    Step,
    hookimpl,
)
from noisereel.contracts.geometry import Box
from noisereel.contracts.marks import Mark
from noisereel.contracts.parametrisation import to_eps


class Gauss(Denoiser):
    """The exact denoiser of data N(0, s²·I)."""

    s: float = 0.5
    """Standard deviation of the data."""

    def bind(self, ctx):
        v = self.s**2
        return lambda x, level, labels=None: x * (level.alpha * v / (level.alpha**2 * v + level.sigma**2))


class EvenRatio(Spacing):
    """Evenly in σ/α, down to t = 1."""

    def times(self, schedule, steps, start):
        ratios = [schedule.at(t).sigma / schedule.at(t).alpha for t in (start, 1.0)]
        inner = [ratios[0] + (ratios[1] - ratios[0]) * i / steps for i in range(1, steps)]
        return (start, *(schedule.time_of(-2 * math.log(r)) for r in inner), 1.0)


class TwoStep(Sampler):
    """Adams-Bashforth in λ = σ/α: x/α moves by ε̂, extrapolated from this step and the last one (kept in carry)."""

    def step(self, x, t, s, ctx, carry):
        x0 = ctx.model(x, t)
        eps = to_eps(x, x0, t)
        h = s.sigma / s.alpha - t.sigma / t.alpha
        slope = eps if carry is None else eps + (eps - carry["eps"]) * (0.5 * h / carry["h"])
        return Step(s.alpha * (x / t.alpha + h * slope), x0, carry={"eps": eps, "h": h})


class Corrector(Sampler):
    """A sampler that takes every reverse step ``repeats`` times, and goes back up with noise in between."""

    repeats: int = Field(default=2, ge=1)
    """Number of times that each step down is taken."""

    def path(self, schedule, start):
        times = super().path(schedule, start)
        path = [times[0]]
        for t, s in pairwise(times):
            path += [s, *([t, s] * (self.repeats - 1))]
        return path

    def step(self, x, t, s, ctx, carry):
        if s.t > t.t:
            a, noise = s.alpha / t.alpha, ctx.draw(x)
            return Step(a * x + (s.sigma**2 - (a * t.sigma) ** 2) ** 0.5 * noise, noise=noise)
        x0 = ctx.model(x, t)
        return Step(s.alpha * x0 + s.sigma * to_eps(x, x0, t), x0)


class Adaptive(Sampler):
    """A solver of dx̄/dλ = ε̂ that halves its steps until each particle's error is small; ``aux`` holds the counts."""

    tolerance: float = Field(default=1e-3, gt=0)
    """Largest error of a particle in one step."""

    def step(self, x, t, s, ctx, carry):
        x0 = ctx.model(x, t)
        rows = torch.arange(len(x), device=x.device)
        out, pieces = torch.empty_like(x), torch.zeros(len(x), device=x.device)
        coarse = self._solve(x, t, s, 1, ctx)
        for k in (2, 4, 8, 16, 32):
            fine = self._solve(x[rows], t, s, k, ctx)
            accurate = (fine - coarse).abs().amax(dim=1) <= self.tolerance
            if k == 32:
                accurate[:] = True
            out[rows[accurate]], pieces[rows[accurate]] = fine[accurate], float(k)
            rows, coarse = rows[~accurate], fine[~accurate]
            if not len(rows):
                break
        return Step(out, x0, aux={"pieces": pieces})

    def _solve(self, x, t, s, k, ctx):
        times = torch.linspace(t.t, s.t, k + 1).tolist()
        levels = [t, *(ctx.schedule.at(time) for time in times[1:-1]), s]
        for a, b in pairwise(levels):
            x0 = ctx.model(x, a)
            x = b.alpha * x0 + b.sigma * to_eps(x, x0, a)
        return x


class Grid(Probe):
    """x̂_0 on a grid over given limits."""

    x: tuple[float, float]
    """Horizontal limits."""
    y: tuple[float, float]
    """Vertical limits."""
    n: int = 5
    """Points per side."""

    def measure(self, state, ctx):
        axes = torch.meshgrid(torch.linspace(*self.x, self.n), torch.linspace(*self.y, self.n), indexing="xy")
        points = torch.stack(axes, -1).reshape(-1, 2)
        return {"points": points.numpy(), "x0": ctx.model(points, state.level).numpy()}


@dataclass(frozen=True, slots=True, eq=False)
class Crosses(Mark):
    """A cross at each position: a mark that no canvas draws itself."""

    xy: np.ndarray

    def lower(self, view):
        arm = 6 * view.scale * (view.x[1] - view.x[0]) / view.rect.width
        dx, dy = np.array([arm, 0]), np.array([0, arm])
        bars = [np.stack([p - d, p + d]) for p in self.xy for d in (dx, dy)]
        return [Polylines(tuple(bars), "#E2607E", width=2)]


class Pull(Renderer):
    """Arrows from grid points to x̂_0, with crosses at their tails."""

    space = "plane"

    def extent(self, run):
        return Box((-3.0, 3.0), (-3.0, 3.0))

    def probes(self, ctx):
        return [Grid(x=ctx.view.limits.x, y=ctx.view.limits.y)]

    def marks(self, run, moment, ctx):
        values = run.value(self.probes(ctx)[0], moment.index)
        points, x0 = values["points"], values["x0"]
        yield Crosses(points)
        yield Arrows(points, 0.2 * (x0 - points), ctx.theme.color("amber"))
        yield Points(run.trajectory.series("x", moment.index), ctx.theme.color("blue"), size=3)


class Broken(Renderer):
    """A layer that raises."""

    space = "plane"

    def marks(self, run, moment, ctx):
        raise RuntimeError("no marks today")


class Spread(Metric):
    """The largest distance from the origin."""

    gives = ("spread",)

    def measure(self, state, ctx):
        return {"spread": state.x.flatten(1).norm(dim=1).max().cpu().numpy()}


@hookimpl
def register_denoisers(register):
    register("gauss", Gauss)


@hookimpl
def register_spacings(register):
    register("even-ratio", EvenRatio)


@hookimpl
def register_samplers(register):
    register("two-step", TwoStep)
    register("corrector", Corrector)
    register("adaptive", Adaptive)


@hookimpl
def register_renderers(register):
    register("pull", Pull)
    register("broken", Broken)


@hookimpl
def register_metrics(register):
    register("spread", Spread)
