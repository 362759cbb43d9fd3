"""Gaussian draws of the samplers' steps."""

from __future__ import annotations

from torch import Tensor

from noisereel.contracts.sampler import StepContext

__all__ = ["gaussian"]


def gaussian(mean: Tensor, std: float, ctx: StepContext) -> tuple[Tensor, Tensor | None]:
    """Draw from N(mean, std²·I), and return the draw with its standard normal noise; no noise (None) if std is 0.

    Args:
        mean: Mean, shape (n, *event); overwritten with the result.
        std: Standard deviation.
        ctx: Draws the noise.
    """
    if std == 0:
        return mean, None
    z = ctx.draw(mean)
    return mean.add_(z, alpha=std), z
