"""Annealed Langevin dynamics: at each noise level a few steps of Langevin's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pydantic import Field
from torch import Tensor

from noisereel.contracts.parametrisation import to_eps
from noisereel.contracts.sampler import Sampler, Step, StepContext
from noisereel.contracts.schedule import Level, Schedule

__all__ = ["AnnealedLangevin", "langevin_step"]


def langevin_step(x: Tensor, t: Level, size: float, ctx: StepContext) -> Step:
    """x + δ/2·∇ln p_t(x) + √δ·z with δ = size·σ_t², which leaves particles at level t."""
    x0 = ctx.model(x, t)
    z = ctx.draw(x)
    moved = x.add(to_eps(x, x0, t), alpha=-size / 2 * t.sigma)
    return Step(moved.add_(z, alpha=math.sqrt(size) * t.sigma), x0, z)


class AnnealedLangevin(Sampler):
    """At each level, noisiest first, ``repeats`` steps that wander towards p_t and stay there; no way back is computed.

        x ← x + δ/2·∇ln p_t(x) + √δ·z,   δ = size·σ_t²,   ∇ln p_t(x) = (α_t·x̂_0 − x)/σ_t²

    Particles are taken to the next level as they are; at the last level one step more gives x̂_0. At each level the
    law comes close to p_t only for many repeats, and up to an error of order δ.

    References:
        Song and Ermon (2019), arXiv:1907.05600, algorithm 1; Jolicoeur-Martineau et al. (2020), arXiv:2009.05475,
        for the final denoising.
    """

    repeats: int = Field(default=5, ge=1, le=10_000)
    """Langevin steps at each level."""
    size: float = Field(default=0.2, gt=0, lt=4)
    """δ in units of σ_t²; at 4 and above the steps diverge."""

    def path(self, schedule: Schedule, start: float | None) -> Sequence[float]:
        """Falling times, each as often as there are steps to take there."""
        *noisy, last = super().path(schedule, start)
        ends_clean = schedule.at(last).sigma == 0
        times = [t for t in noisy for _ in range(self.repeats)]
        return [*times, *([noisy[-1], last] if ends_clean else [last] * self.repeats)]

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """One Langevin step at t, or the last estimate of clean data."""
        if s.sigma == 0:
            x0 = ctx.model(x, t)
            return Step(x0.clone(), x0)
        return langevin_step(x, t, self.size, ctx)
