"""The velocity of the probability-flow ODE and the change of density along its paths."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from noisereel.contracts.sampler import StepContext
from noisereel.contracts.schedule import Level

from ..shared.charts import FLOW

__all__ = ["Velocity"]

_EXACT_DIMENSIONS = 3  # up to this many, the divergence is summed coordinate by coordinate


@dataclass(frozen=True, slots=True)
class Velocity:
    """dy/du = v̂(x, u) = ε̂ − x̂_0 for y = x/(α+σ), u = σ/(α+σ), flattened to shape (n, D).

    Attributes:
        ctx: Provides the model.
        event_shape: Shape of one particle.
        probe: Signs ±1, shape (n, D), for Hutchinson's estimate of the divergence; None for the exact divergence.
        density: Whether y and its slope have an additional last column: ln|det ∂y/∂y_start| and ∇·v̂.
    """

    ctx: StepContext
    event_shape: tuple[int, ...]
    probe: Tensor | None
    density: bool

    @classmethod
    def of(cls, x: Tensor, ctx: StepContext, density: bool) -> Velocity:
        """Create the velocity for particles like x."""
        flat = x.flatten(1)
        estimated = density and flat.shape[1] > _EXACT_DIMENSIONS
        return cls(ctx, tuple(x.shape[1:]), ctx.draw(flat, "divergence").sign() if estimated else None, density)

    def __call__(self, y: Tensor, level: Level) -> Tensor:
        """Return the slope at y, in the same shape.

        Raises:
            ValueError: The density is followed, but the model has no gradient.
        """
        scale, count = FLOW.scale(level), y.shape[1] - self.density
        x = y[:, :count].mul(scale).reshape(-1, *self.event_shape)
        if not self.density:
            return FLOW.slope(x, self.ctx.model(x, level), level).flatten(1)
        with torch.enable_grad():
            x.requires_grad_()
            x0 = self.ctx.model(x, level)
            if not x0.requires_grad:
                raise ValueError("the likelihood needs a denoiser with a gradient, and this one has none")
            slope = FLOW.slope(x, x0, level).flatten(1)
            divergence = scale * self._divergence(slope, x)
        return torch.cat([slope.detach(), divergence[:, None]], 1)

    def _divergence(self, slope: Tensor, x: Tensor) -> Tensor:
        """Return ∇_x·slope of each particle, shape (n,)."""
        if self.probe is not None:
            (gradient,) = torch.autograd.grad(slope, x, self.probe)
            return (gradient.flatten(1) * self.probe).sum(1)
        gradients = [torch.autograd.grad(v.sum(), x, retain_graph=True)[0].flatten(1) for v in slope.unbind(1)]
        return torch.stack([gradient[:, i] for i, gradient in enumerate(gradients)]).sum(0)
