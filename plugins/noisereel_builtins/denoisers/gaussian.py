"""The exact denoiser of a Gaussian."""

import math
from typing import Annotated, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from noisereel.contracts.denoiser import Denoiser, DenoiserContext, Model
from noisereel.contracts.schedule import Level

__all__ = ["Gaussian"]

_MAX_SIZE = 4096  # numbers in a sample; the covariance has the square of that
Finite = Annotated[float, Field(ge=-1e15, le=1e15)]


class Gaussian(Denoiser):
    """The posterior mean if x_0 ~ N(μ, C): x̂_0 = μ + α_t·C·(α_t²·C + σ_t²·I)⁻¹·(x_t − α_t·μ).

    The best *linear* denoiser of any data with this mean and covariance (the Wiener filter); exact for a Gaussian.
    Mean and covariance default to the data's own.

    References:
        Wiener (1949), "Extrapolation, interpolation, and smoothing of stationary time series".
    """

    mean: tuple[Finite, ...] | None = Field(default=None, min_length=1)
    """μ, one number per coordinate; the data's mean if omitted."""
    std: float | None = Field(default=None, ge=1e-15, le=1e15)
    """C = std²·I, the same in all directions; the data's covariance if this and ``covariance`` are omitted."""
    covariance: tuple[tuple[Finite, ...], ...] | None = Field(default=None, min_length=1)
    """C as a matrix, in place of ``std``."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.covariance is None:
            return self
        if self.std is not None:
            raise ValueError("give either 'std' or 'covariance', not both")
        d = len(self.covariance)
        if any(len(row) != d for row in self.covariance):
            raise ValueError(f"'covariance' must be a square matrix: with {d} rows, each needs {d} numbers")
        c = torch.tensor(self.covariance, dtype=torch.float64)
        if not torch.equal(c, c.T) or float(torch.linalg.eigvalsh(c)[0]) <= 0:
            raise ValueError("'covariance' must be symmetric and positive definite")
        return self

    def check(self, ctx: DenoiserContext) -> str | None:
        d = math.prod(ctx.data.event_shape)
        for name, values in (("mean", self.mean), ("covariance", self.covariance)):
            if values is not None and len(values) != d:
                return f"the gaussian denoiser's '{name}' is for {len(values)} coordinates, but the samples have {d}"
        if self.std is None and self.covariance is None and d > _MAX_SIZE:
            return f"the gaussian denoiser needs 'std' for samples of more than {_MAX_SIZE} numbers; these have {d}"
        return None

    def bind(self, ctx: DenoiserContext) -> Model:
        """Build the model, with the data's mean and covariance unless they are given.

        Raises:
            ValueError: The parameters do not fit the data.
        """
        if message := self.check(ctx):
            raise ValueError(message)
        flat = ctx.data.x0.to(ctx.device).flatten(1).double()
        mean = flat.mean(0) if self.mean is None else flat.new_tensor(self.mean)
        if self.std is not None:
            return _Linear(mean, flat.new_tensor(self.std**2), None)
        covariance = _covariance(flat) if self.covariance is None else flat.new_tensor(self.covariance)
        return _Linear(mean, *torch.linalg.eigh(covariance))


def _covariance(flat: Tensor) -> Tensor:
    centred = flat - flat.mean(0)
    return centred.T @ centred / len(flat)


class _Linear:
    """The model x ↦ μ + A·diag(αλ/(α²λ + σ²))·Aᵀ·(x − αμ) with C = A·diag(λ)·Aᵀ, in float64."""

    def __init__(self, mean: Tensor, variances: Tensor, axes: Tensor | None) -> None:
        self.mean = mean
        self.variances = variances.clamp(min=0)  # rounding may leave a flat direction slightly negative
        self.axes = axes

    def __call__(self, x: Tensor, level: Level, labels: Tensor | None = None) -> Tensor:
        """Return E[x_0 | x_t = x], in the shape and dtype of x."""
        if level.sigma == 0:
            return x / level.alpha
        shrink = level.alpha * self.variances / (level.alpha**2 * self.variances + level.sigma**2)
        offset = x.flatten(1).double() - level.alpha * self.mean
        shrunk = shrink * offset if self.axes is None else ((offset @ self.axes) * shrink) @ self.axes.T
        return (self.mean + shrunk).to(x.dtype).view_as(x)
