"""Predictor–corrector: a reverse step, then Langevin steps that mend the law at the new level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field
from torch import Tensor

from noisereel.contracts.sampler import Sampler, Step, StepContext
from noisereel.contracts.schedule import Level, Schedule

from .langevin import langevin_step
from .reverse_sde import reverse_diffusion

__all__ = ["PredictorCorrector"]


class PredictorCorrector(Sampler):
    """From t to s by the reverse SDE, then ``corrections`` times, at s, a step of Langevin's dynamics for p_s.

        predictor:  x_s = (2 − a)·x_t + σ²_{t|s}·∇ln p_t(x_t) + σ_{t|s}·z
        corrector:  x ← x + δ/2·∇ln p_s(x) + √δ·z,   δ = 4·(r·σ_s)²

    δ/2 is the paper's ε = 2·(r·‖z‖/‖∇ln p‖)² with the norms' expected values, ‖z‖/‖∇ln p‖ = σ_s, in place of means
    over a batch, so that no particle depends on others; and without the 1 − β that it has besides on schedules that
    preserve variance. No correction is made of clean data. The predictor is of first order, in law, in t; corrections
    leave an error of relative order r², which finer steps alone do not take away.

    References:
        Song et al. (2021), arXiv:2011.13456, algorithms 2 to 5, appendix G.
    """

    corrections: int = Field(default=1, ge=0, le=1000)
    """Corrector steps at each level."""
    snr: float = Field(default=0.16, gt=0, lt=1)
    """r, the size of a corrector step against the noise it adds; at 1 and above the steps diverge."""

    def path(self, schedule: Schedule, start: float | None) -> Sequence[float]:
        """Falling times, each one that is corrected once more for each correction."""
        first, *rest = super().path(schedule, start)
        clean = [t for t in rest if schedule.at(t).sigma == 0]
        return [first, *(t for t in rest for _ in range(1 if t in clean else 1 + self.corrections))]

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Correct at t where the path stays there, else go to a cleaner level s."""
        if s.t == t.t:
            return langevin_step(x, t, 4 * self.snr**2, ctx)
        return reverse_diffusion(x, t, s, ctx)
