"""Mixtures of Gaussians as distributions: density and posterior mean at every noise level, in closed form."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from noisereel.contracts.dataset import Data, LoadContext
from noisereel.contracts.schedule import Level
from noisereel.support.memory import require_memory
from noisereel.support.threads import threads

__all__ = ["GaussianMixture", "sample"]

_CHUNK = 2**16  # numbers at a time: fits a core's cache


@dataclass(frozen=True, slots=True, eq=False)
class GaussianMixture:
    """A mixture Σ_k w_k·N(μ_k, Σ_k) in float64, callable as its density at any noise level.

    Under noise it remains a mixture, p_t = Σ_k w_k·N(α_t·μ_k, α_t²·Σ_k + σ_t²·I). Adding σ²·I leaves the axes of each
    covariance unchanged; the variances along them become α²λ + σ².

    Attributes:
        weights: w_k, summing to 1, shape (k,).
        means: μ_k, shape (k, D).
        covariances: Σ_k, shape (k, D, D).
        variances: Eigenvalues λ of Σ_k, shape (k, D).
        axes: Its eigenvectors in columns, shape (k, D, D).
    """

    weights: Tensor
    means: Tensor
    covariances: Tensor
    variances: Tensor
    axes: Tensor

    @classmethod
    def of(cls, weights: Tensor, means: Tensor, covariances: Tensor) -> GaussianMixture:
        """Make the mixture of these components; weights are normalised to sum to 1."""
        return cls(weights / weights.sum(), means, covariances, *torch.linalg.eigh(covariances))

    def __call__(self, x: Tensor, level: Level) -> Tensor:
        """Return p_t(x), shape (m,), for x of shape (m, D)."""
        return self.log_density(x, level).exp()

    def log_density(self, x: Tensor, level: Level) -> Tensor:
        """Return ln p_t(x), shape (m,), for x of shape (m, D)."""
        law = self.to(x.device)
        return torch.cat([law._logits(rows, level).logsumexp(0) for rows in law._chunks(x)]).to(x.dtype)

    def posterior_mean(self, x: Tensor, level: Level) -> Tensor:
        """Return E[x_0 | x_t = x] = Σ_k p(k|x)·(μ_k + α_t·Σ_k·(α_t²·Σ_k + σ_t²·I)⁻¹·(x − α_t·μ_k)), shape (m, D)."""
        law = self.to(x.device)
        gain, at_zero = law._gains(level)
        means = []
        with threads(1):  # a chunk is too little work for two threads, which take twice as long
            for rows in law._chunks(x):
                share = torch.softmax(law._logits(rows, level), 0)
                # Σ_k G_k·(p_k·x) as one matrix product over components and coordinates
                shared = (share[:, None] * rows).flatten(0, 1)
                means.append(torch.addmm(at_zero.T @ share, gain.transpose(0, 1).flatten(1), shared).T)
            return torch.cat(means).to(x.dtype)

    def only(self, component: int) -> GaussianMixture:
        """Return one component as a mixture."""
        index = slice(component, component + 1)
        return GaussianMixture.of(self.weights[index], self.means[index], self.covariances[index])

    def scaled(self, shift: Tensor, scale: Tensor) -> GaussianMixture:
        """Return the distribution of (x − shift)/scale, with shift and scale of shape (D,)."""
        covariances = self.covariances / (scale[:, None] * scale)
        return GaussianMixture.of(self.weights, (self.means - shift) / scale, covariances)

    def to(self, device: torch.device) -> GaussianMixture:
        """Return the same mixture on another device."""
        if self.means.device == device:
            return self
        tensors = self.weights, self.means, self.covariances, self.variances, self.axes
        return GaussianMixture(*(tensor.to(device) for tensor in tensors))

    def _logits(self, x: Tensor, level: Level) -> Tensor:
        """Return ln(w_k·N(x; α_t·μ_k, α_t²·Σ_k + σ_t²·I)), shape (k, m), for points in columns, shape (D, m)."""
        k, d = self.means.shape
        variance = level.alpha**2 * self.variances + level.sigma**2
        white = (self.axes / (2 * variance).sqrt()[:, None]).transpose(1, 2)
        offset = level.alpha * (white @ self.means[:, :, None])
        y = torch.addmm(-offset.view(k * d, 1), white.reshape(k * d, d), x).view(k, d, -1)
        peak = self.weights.log() - (2 * math.pi * variance).log().sum(1) / 2
        return peak[:, None] - y.square().sum(1)

    def _gains(self, level: Level) -> tuple[Tensor, Tensor]:
        """Return G_k and c_k of E[x_0 | x_t = x, k] = G_k·x + c_k, shapes (k, D, D) and (k, D)."""
        shrink = level.alpha * self.variances / (level.alpha**2 * self.variances + level.sigma**2)
        gain = (self.axes * shrink[:, None]) @ self.axes.transpose(1, 2)
        return gain, self.means - level.alpha * (gain @ self.means[:, :, None]).squeeze(2)

    def _chunks(self, x: Tensor) -> Iterator[Tensor]:
        """Yield chunks of the points, in contiguous columns, shape (D, rows), float64."""
        for rows in torch.split(x, max(1, _CHUNK // self.means.numel())):
            yield rows.T.double().contiguous()


def sample(law: GaussianMixture, n: int, ctx: LoadContext) -> Data:
    """Draw samples of a mixture, shape (n, D); the label is the component k, and hue follows it.

    Raises:
        ValueError: The samples do not fit into memory.
    """
    k, d = law.means.shape
    require_memory("samples", n, 8 * (2 * d * d + 4 * d + 6))
    u = ctx.draw.uniform(n, name="component").double()
    labels = torch.searchsorted(law.weights.cumsum(0)[:-1], u, right=True)
    z = ctx.draw.normal(n, d, name="noise").double()
    factors = torch.linalg.cholesky(law.covariances)
    x = law.means[labels] + torch.einsum("nij,nj->ni", factors[labels], z)
    return Data(x, labels, labels / max(1, k - 1), law)
