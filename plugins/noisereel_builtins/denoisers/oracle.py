"""A denoiser that knows the answer."""

from typing import ClassVar, Literal

import torch
from torch import Tensor

from noisereel.contracts.denoiser import Denoiser, DenoiserContext, Model
from noisereel.contracts.parametrisation import to_eps, to_x0
from noisereel.contracts.schedule import Level

__all__ = ["Oracle"]


class Oracle(Denoiser):
    """A denoiser that knows where each particle came from: x̂_0 = x_0, which is sample i mod n for particle i.

    So it must be called for all particles at once and in order, as samplers do; elsewhere, such as on the grid of a
    field, its result is meaningless. With ``knows: eps`` it knows the noise instead, ε = (x_t − α_t·x_0)/σ_t, and
    x̂_0 = (x_t − σ_t·ε)/α_t: the same up to rounding, which 1/α_t amplifies.

    References:
        Ho et al. (2020), arXiv:2006.11239, Eq. (9) and (15).
    """

    primary: ClassVar[str | None] = "knows"

    knows: Literal["x0", "eps"] = "x0"
    """The clean samples, or the noise on them."""

    @property
    def is_discrete(self) -> bool:
        return True

    def bind(self, ctx: DenoiserContext) -> Model:
        """Build the model of the run's data."""
        clean = ctx.data.x0.to(ctx.device)

        def model(x: Tensor, level: Level, labels: Tensor | None = None) -> Tensor:
            x0 = clean[torch.arange(len(x), device=x.device) % len(clean)].to(x.dtype)
            if self.knows == "x0" or level.sigma == 0:
                return x0
            return to_x0(x, to_eps(x, x0, level), level)

        return model
