"""Conversions between a denoiser's parametrisations: x̂_0, ε̂, the score and v."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from .schedule import Level

__all__ = ["to_eps", "to_score", "to_v", "to_x0"]


def to_eps(x: Tensor, x0: Tensor, level: Level) -> Tensor:
    """Return ε̂ = (x_t − α_t·x̂_0)/σ_t.

    Raises:
        ZeroDivisionError: σ_t = 0, where there is no noise to estimate.
    """
    if level.sigma == 0:
        raise ZeroDivisionError(f"no noise estimate at t = {level.t:g}: sigma is 0")
    return (x - level.alpha * x0) / level.sigma


def to_x0(x: Tensor, eps: Tensor, level: Level) -> Tensor:
    """Return x̂_0 = (x_t − σ_t·ε̂)/α_t.

    Raises:
        ZeroDivisionError: α_t = 0, where x_t holds no signal.
    """
    if level.alpha == 0:
        raise ZeroDivisionError(f"no data estimate from noise at t = {level.t:g}: alpha is 0")
    return (x - level.sigma * eps) / level.alpha


def to_score(x: Tensor, x0: Tensor, level: Level) -> Tensor:
    """Return the score ∇ log p_t(x) = (α_t·x̂_0 − x_t)/σ_t² (Tweedie's formula)."""
    return -to_eps(x, x0, level) / level.sigma


def to_v(x: Tensor, x0: Tensor, level: Level) -> Tensor:
    """Return v = α_t·ε̂ − σ_t·x̂_0 (Salimans and Ho, 2022, arXiv:2202.00512)."""
    return level.alpha * to_eps(x, x0, level) - level.sigma * x0
