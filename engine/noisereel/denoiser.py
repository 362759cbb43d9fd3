"""Denoisers: what clean data a noisy x_t is expected to come from."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from .dataset import Data
from .plugin import Plugin
from .schedule import Level, Schedule

__all__ = ["Bind", "Denoiser", "Model", "to_eps", "to_score", "to_v", "to_x0"]

Model = Callable[..., Tensor]
"""``model(x, level, labels=None) -> x0_hat``: x of shape (n, *event), x0_hat of the same shape."""


@dataclass(frozen=True, slots=True)
class Bind:
    """What a denoiser may use to become a model.

    Attributes:
        data: The run's data, on ``device``.
        schedule: The run's schedule.
        device: Where the model shall work.
        cache: A folder of its own that outlives the run.
    """

    data: Data
    schedule: Schedule
    device: torch.device
    cache: Path


class Denoiser(Plugin):
    """Gives the model D(x_t, t) ≈ E[x_0 | x_t]. Live things (tensors, modules) belong to the model, not here."""

    kind: ClassVar[str] = "denoiser"

    @property
    def atomic(self) -> bool:
        """Whether what it denoises to is single points, so that its data have no density."""
        return False

    def check(self, data: Data) -> str | None:
        """Why it cannot serve these data, or None; asked before anything is simulated."""
        return None

    @abstractmethod
    def bind(self, ctx: Bind) -> Model:
        """Build the model for one run."""


def to_eps(x: Tensor, x0: Tensor, level: Level) -> Tensor:
    """ε̂ = (x_t − α_t·x̂_0)/σ_t.

    Raises:
        ZeroDivisionError: σ_t = 0, where there is no noise to estimate.
    """
    if level.sigma == 0:
        raise ZeroDivisionError(f"no noise estimate at t = {level.t:g}: sigma is 0")
    return (x - level.alpha * x0) / level.sigma


def to_x0(x: Tensor, eps: Tensor, level: Level) -> Tensor:
    """x̂_0 = (x_t − σ_t·ε̂)/α_t.

    Raises:
        ZeroDivisionError: α_t = 0, where x_t holds no signal.
    """
    if level.alpha == 0:
        raise ZeroDivisionError(f"no data estimate from noise at t = {level.t:g}: alpha is 0")
    return (x - level.sigma * eps) / level.alpha


def to_score(x: Tensor, x0: Tensor, level: Level) -> Tensor:
    """∇ log p_t(x) = (α_t·x̂_0 − x_t)/σ_t² (Tweedie's formula)."""
    return -to_eps(x, x0, level) / level.sigma


def to_v(x: Tensor, x0: Tensor, level: Level) -> Tensor:
    """v = α_t·ε̂ − σ_t·x̂_0 (Salimans and Ho, 2022, arXiv:2202.00512)."""
    return level.alpha * to_eps(x, x0, level) - level.sigma * x0
