"""Gaussians on a grid."""

from __future__ import annotations

import torch
from pydantic import Field

from noisereel.contracts.dataset import Data, Dataset, LoadContext

from ..shapes.cloud import Count
from .gaussian_mixture import GaussianMixture, sample

__all__ = ["Grid"]


class Grid(Dataset):
    """Samples of Gaussians of equal weight, centred on a square grid around 0, in 1, 2 or 3 dimensions.

    Their distribution is the mixture Σ_k N(c_k, std²·I)/side^dims, whose density is known at every noise level. The
    label is the component, and hue follows it.
    """

    side: int = Field(default=5, ge=1, le=100)
    """Centres along each axis."""
    spacing: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Distance between neighbouring centres."""
    std: float = Field(default=0.1, gt=0, allow_inf_nan=False)
    """Standard deviation of each Gaussian."""
    dims: int = Field(default=2, ge=1, le=3)
    """Number of coordinates."""
    n: Count = 10_000
    """Number of samples."""

    def load(self, ctx: LoadContext) -> Data:
        """Draw the samples, shape (n, dims)."""
        return sample(self.law(), self.n, ctx)

    def law(self) -> GaussianMixture:
        """Return the distribution that the samples are drawn from."""
        axis = (torch.arange(self.side, dtype=torch.float64) - (self.side - 1) / 2) * self.spacing
        centres = torch.cartesian_prod(*[axis] * self.dims).view(-1, self.dims)
        covariance = self.std**2 * torch.eye(self.dims, dtype=torch.float64)
        return GaussianMixture.of(torch.ones(len(centres)).double(), centres, covariance.repeat(len(centres), 1, 1))
