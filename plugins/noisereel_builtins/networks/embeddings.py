"""Embeddings: few numbers spread over many features, so that a network can tell close ones apart."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["Centred", "Classes", "Embedding", "Fourier", "Identity", "Sinusoidal", "Table"]


class Embedding(nn.Module):
    """A map from (n, dimensions) to (n, ``features``)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.features = features

    def forward(self, x: Tensor) -> Tensor:
        raise NotImplementedError


class Identity(Embedding):
    """γ(x) = x."""

    def forward(self, x: Tensor) -> Tensor:
        return x


class Centred(Embedding):
    """γ(u) = 2u − 1: a time in [0, 1] as a number about 0."""

    def __init__(self) -> None:
        super().__init__(1)

    def forward(self, u: Tensor) -> Tensor:
        return 2 * u - 1


class _Waves(Embedding):
    """γ(x) = [sin(x·ω), cos(x·ω)] for fixed frequencies ω of shape (dimensions, features/2)."""

    omega: Tensor

    def __init__(self, omega: Tensor) -> None:
        super().__init__(2 * omega.shape[1])
        self.register_buffer("omega", omega)

    def forward(self, x: Tensor) -> Tensor:
        phase = x @ self.omega
        return torch.cat([phase.sin(), phase.cos()], 1)


class Fourier(_Waves):
    """Waves in random directions, ω ~ N(0, scale²): always the same ones for the same sizes.

    A scale too small blurs, one too large fits noise between the data; 2π·scale in the paper's notation.

    References:
        Tancik et al. (2020), arXiv:2006.10739, Eq. (5).
    """

    def __init__(self, dimensions: int, features: int, scale: float) -> None:
        generator = torch.Generator().manual_seed(0)
        super().__init__(scale * torch.randn(dimensions, features // 2, generator=generator))


class Sinusoidal(_Waves):
    """Waves along each coordinate, their frequencies falling geometrically from ``scale`` to ``scale``/10,000.

    ω_i = scale·10000^(−i/(m−1)), i = 0 … m−1, with m = features/(2·dimensions) frequencies a coordinate.

    References:
        Vaswani et al. (2017), arXiv:1706.03762, section 3.5; Ho et al. (2020), arXiv:2006.11239, appendix B.
    """

    def __init__(self, dimensions: int, features: int, scale: float) -> None:
        m = max(2, features // (2 * dimensions))
        along = scale * torch.exp(-math.log(10_000) * torch.arange(m, dtype=torch.float64) / (m - 1))
        super().__init__(torch.kron(torch.eye(dimensions, dtype=torch.float64), along).float())


class Table(Embedding):
    """A learned row for each of the times t = 0 … T; times between take the nearest one's."""

    def __init__(self, T: int, features: int) -> None:
        super().__init__(features)
        self.T = T
        self.rows = nn.Embedding(T + 1, features)

    def forward(self, u: Tensor) -> Tensor:
        rows: Tensor = self.rows((u[:, 0] * self.T).round().long())
        return rows


class Classes(nn.Module):
    """A learned row for each class and one, the last, for "no class"."""

    def __init__(self, classes: int, features: int) -> None:
        super().__init__()
        self.none = classes
        self.rows = nn.Embedding(classes + 1, features)

    def forward(self, labels: Tensor | None) -> Tensor:
        """The rows of labels in 0 … classes, shape (n,); of None: that of "no class", shape (1, features)."""
        rows: Tensor = self.rows.weight[self.none :] if labels is None else self.rows(labels)
        return rows
