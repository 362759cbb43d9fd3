"""Mixtures of Gaussians, whose density is known at every noise level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self

import torch
from pydantic import BeforeValidator, Field, model_validator
from torch import Tensor

from noisereel.dataset import Data, Dataset, Load
from noisereel.schedule import Level

__all__ = ["GaussianMixture", "Mixture"]


def _vectors(value: Any) -> Any:
    """A list of numbers or vectors as vectors: 2 becomes (2,)."""
    if not isinstance(value, list | tuple):
        return value
    return tuple(tuple(mean) if isinstance(mean, list | tuple) else (mean,) for mean in value)


Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Vector = tuple[Finite, ...]


class Mixture(Dataset):
    """Samples of Σ_k w_k·N(μ_k, Σ_k); the label is the component k, the hue follows it.

    Noise keeps it a mixture: p_t = Σ_k w_k·N(α_t·μ_k, α_t²·Σ_k + σ_t²·I), which ``density`` of the loaded data gives
    exactly. The default is one-dimensional with three components.
    """

    means: Annotated[tuple[Vector, ...], BeforeValidator(_vectors)] = Field(
        default=((2.0,), (5.0,), (-3.0,)), min_length=1
    )
    """Centre of each component: numbers in one dimension, else lists of coordinates."""
    weights: tuple[Positive, ...] = (0.5, 0.3, 0.2)
    """Weight of each component; they need not sum to 1."""
    stds: tuple[Positive, ...] = (1.0, 0.5, 1.5)
    """Standard deviation of each component, the same in all directions."""
    covariances: tuple[tuple[Vector, ...], ...] = ()
    """Covariance matrix of each component, in place of ``stds``."""
    n: int = Field(default=10_000, ge=1, le=100_000_000)
    """Number of samples."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        k, dimensions = len(self.means), len(self.means[0])
        if dimensions == 0 or any(len(mean) != dimensions for mean in self.means):
            raise ValueError("'means' must all have the same number of coordinates")
        if self.covariances and "stds" in self.model_fields_set:
            raise ValueError("give either 'stds' or 'covariances', not both")
        for name in ("weights", "covariances" if self.covariances else "stds"):
            if len(getattr(self, name)) != k:
                raise ValueError(
                    f"'{name}' must have one entry for each of the {k} means, got {len(getattr(self, name))}"
                )
        for i, matrix in enumerate(self.covariances):
            _check_covariance(matrix, dimensions, f"covariances[{i}]")
        return self

    def load(self, ctx: Load) -> Data:
        """Draw the samples, shape (n, D)."""
        law = self.law()
        u = ctx.draw.uniform(self.n, name="component").double()
        labels = torch.searchsorted(law.weights.cumsum(0)[:-1], u, right=True)
        z = ctx.draw.normal(self.n, law.means.shape[1], name="noise").double()
        factors = torch.linalg.cholesky(law.covariances)
        x = law.means[labels] + torch.einsum("nij,nj->ni", factors[labels], z)
        return Data(x.float(), labels, labels / max(1, len(self.means) - 1), law)

    def law(self) -> GaussianMixture:
        """The distribution itself."""
        means, weights = _doubles(self.means), _doubles(self.weights)
        isotropic = _doubles(self.stds)[:, None, None] ** 2 * torch.eye(means.shape[1], dtype=torch.float64)
        covariances = _doubles(self.covariances) if self.covariances else isotropic
        return GaussianMixture(weights / weights.sum(), means, covariances, *torch.linalg.eigh(covariances))


def _doubles(values: Sequence[Any]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _check_covariance(matrix: Sequence[Sequence[float]], dimensions: int, name: str) -> None:
    if len(matrix) != dimensions or any(len(row) != dimensions for row in matrix):
        raise ValueError(f"'{name}' must be {dimensions}×{dimensions}, as its mean has {dimensions} coordinates")
    m = _doubles(matrix)
    if not torch.equal(m, m.T) or float(torch.linalg.eigvalsh(m)[0]) <= 0:
        raise ValueError(f"'{name}' must be symmetric and positive definite")


@dataclass(frozen=True, slots=True, eq=False)
class GaussianMixture:
    """Σ_k w_k·N(μ_k, Σ_k), callable as its own density at any noise level. All in float64.

    Attributes:
        weights: w_k, summing to 1, shape (k,).
        means: μ_k, shape (k, D).
        covariances: Σ_k, shape (k, D, D).
        variances: Eigenvalues of Σ_k, shape (k, D).
        axes: Its eigenvectors in columns, shape (k, D, D).
    """

    weights: Tensor
    means: Tensor
    covariances: Tensor
    variances: Tensor
    axes: Tensor

    def __call__(self, x: Tensor, level: Level) -> Tensor:
        """p_t(x) = Σ_k w_k·N(x; α_t·μ_k, α_t²·Σ_k + σ_t²·I), shape (m,), for x of shape (m, D).

        Adding σ²·I turns no covariance's axes, so that along them all that changes is the variance: α²λ + σ².
        """
        weights, means, spread, axes = (a.to(x.device) for a in (self.weights, self.means, self.variances, self.axes))
        variance = level.alpha**2 * spread + level.sigma**2
        y = torch.einsum("kmi,kij->kmj", x.double() - level.alpha * means[:, None], axes)
        exponent = (y**2 / variance[:, None]).sum(-1) / -2
        peak = weights / (2 * math.pi * variance).sqrt().prod(-1)
        return (peak @ exponent.exp()).to(x.dtype)
