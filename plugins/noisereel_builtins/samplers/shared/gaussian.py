"""What Gaussian steps share."""

from __future__ import annotations

from torch import Tensor

from noisereel.contracts.sampler import StepContext

__all__ = ["gaussian"]


def gaussian(mean: Tensor, std: float, ctx: StepContext) -> tuple[Tensor, Tensor | None]:
    """A draw from N(mean, std²·I), and the standard normal noise it took: None, and nothing drawn, where std is 0.

    Args:
        mean: Shape (n, *event); a tensor of the caller's own, for it becomes the result.
        std: Standard deviation.
        ctx: Whose noise is drawn.
    """
    if std == 0:
        return mean, None
    z = ctx.draw(mean)
    return mean.add_(z, alpha=std), z
