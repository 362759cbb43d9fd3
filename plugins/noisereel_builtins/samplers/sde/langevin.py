"""Annealed Langevin dynamics: a few Langevin steps at each noise level."""

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
    """Return x + δ/2·∇ln p_t(x) + √δ·z with δ = size·σ_t²; the particles stay at level t."""
    x0 = ctx.model(x, t)
    z = ctx.draw(x)
    moved = x.add(to_eps(x, x0, t), alpha=-size / 2 * t.sigma)
    return Step(moved.add_(z, alpha=math.sqrt(size) * t.sigma), x0, z)


class AnnealedLangevin(Sampler):
    """Annealed Langevin dynamics: ``repeats`` Langevin steps for p_t at each level, noisiest first.

        x ← x + δ/2·∇ln p_t(x) + √δ·z,   δ = size·σ_t²,   ∇ln p_t(x) = (α_t·x̂_0 − x)/σ_t²

    No reverse step is computed: particles pass to the next level unchanged. At the last level, one more step gives x̂_0.
    The law at each level gets close to p_t only for many repeats, and up to an error of order δ.

    References:
        Song and Ermon (2019), arXiv:1907.05600, algorithm 1; Jolicoeur-Martineau et al. (2020), arXiv:2009.05475,
        for the final denoising.
    """

    repeats: int = Field(default=5, ge=1, le=10_000)
    """Number of Langevin steps at each level."""
    size: float = Field(default=0.2, gt=0, lt=4)
    """δ in units of σ_t²; the steps diverge at 4 and above."""

    def path(self, schedule: Schedule, start: float | None) -> Sequence[float]:
        """Return decreasing times, each repeated for the steps to take there."""
        *noisy, last = super().path(schedule, start)
        ends_clean = schedule.at(last).sigma == 0
        times = [t for t in noisy for _ in range(self.repeats)]
        return [*times, *([noisy[-1], last] if ends_clean else [last] * self.repeats)]

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Take one Langevin step at t, or return the last estimate of clean data."""
        if s.sigma == 0:
            x0 = ctx.model(x, t)
            return Step(x0.clone(), x0)
        return langevin_step(x, t, self.size, ctx)
