"""Predictor–corrector: a reverse step, then Langevin steps that correct the law at the new level."""

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
    """Predictor–corrector sampling: a reverse SDE step to s, then ``corrections`` Langevin steps for p_s.

        predictor:  x_s = (2 − a)·x_t + σ²_{t|s}·∇ln p_t(x_t) + σ_{t|s}·z
        corrector:  x ← x + δ/2·∇ln p_s(x) + √δ·z,   δ = 4·(r·σ_s)²

    δ/2 is the paper's ε = 2·(r·‖z‖/‖∇ln p‖)² with the norms' expected values, ‖z‖/‖∇ln p‖ = σ_s, instead of means over
    a batch, so that no particle depends on the others; and without the additional factor 1 − β on variance-preserving
    schedules. Clean data is not corrected. The predictor is first order in t, in law; corrections leave an error of
    relative order r², which smaller steps alone do not remove.

    References:
        Song et al. (2021), arXiv:2011.13456, algorithms 2 to 5, appendix G.
    """

    corrections: int = Field(default=1, ge=0, le=1000)
    """Number of corrector steps at each level."""
    snr: float = Field(default=0.16, gt=0, lt=1)
    """r, the size of a corrector step relative to its noise; the steps diverge at 1 and above."""

    def path(self, schedule: Schedule, start: float | None) -> Sequence[float]:
        """Return decreasing times, all but clean data's repeated once per correction."""
        first, *rest = super().path(schedule, start)
        clean = [t for t in rest if schedule.at(t).sigma == 0]
        return [first, *(t for t in rest for _ in range(1 if t in clean else 1 + self.corrections))]

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Correct at t if the path stays there, otherwise take x_t to a cleaner level s."""
        if s.t == t.t:
            return langevin_step(x, t, 4 * self.snr**2, ctx)
        return reverse_diffusion(x, t, s, ctx)
