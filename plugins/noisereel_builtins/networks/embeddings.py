"""Embeddings: few numbers mapped to many features, so that a network can distinguish close values."""

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
    """The identity, γ(x) = x."""

    def forward(self, x: Tensor) -> Tensor:
        return x


class Centred(Embedding):
    """γ(u) = 2u − 1: a time in [0, 1], centred on 0."""

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
    """Waves in random directions, ω ~ N(0, scale²), always the same ones for the same sizes.

    Too small a scale blurs; too large a scale fits noise between the data. It is 2πσ in the paper's notation.

    References:
        Tancik et al. (2020), arXiv:2006.10739, Eq. (5).
    """

    def __init__(self, dimensions: int, features: int, scale: float) -> None:
        generator = torch.Generator().manual_seed(0)
        super().__init__(scale * torch.randn(dimensions, features // 2, generator=generator))


class Sinusoidal(_Waves):
    """Waves along each coordinate, with frequencies that fall geometrically from ``scale`` to ``scale``/10,000.

    ω_i = scale·10000^(−i/(m−1)), i = 0 … m−1, with m = features/(2·dimensions) frequencies per coordinate.

    References:
        Vaswani et al. (2017), arXiv:1706.03762, section 3.5; Ho et al. (2020), arXiv:2006.11239, appendix B.
    """

    def __init__(self, dimensions: int, features: int, scale: float) -> None:
        m = max(2, features // (2 * dimensions))
        along = scale * torch.exp(-math.log(10_000) * torch.arange(m, dtype=torch.float64) / (m - 1))
        super().__init__(torch.kron(torch.eye(dimensions, dtype=torch.float64), along).float())


class Table(Embedding):
    """A learned row for each of the times t = 0 … T; other times use the nearest one's."""

    def __init__(self, T: int, features: int) -> None:
        super().__init__(features)
        self.T = T
        self.rows = nn.Embedding(T + 1, features)

    def forward(self, u: Tensor) -> Tensor:
        rows: Tensor = self.rows((u[:, 0] * self.T).round().long())
        return rows


class Classes(nn.Module):
    """A learned row for each class, and a last one for "no class"."""

    def __init__(self, classes: int, features: int) -> None:
        super().__init__()
        self.none = classes
        self.rows = nn.Embedding(classes + 1, features)

    def forward(self, labels: Tensor | None) -> Tensor:
        """Return the rows of labels in 0 … classes, shape (n,); for None, that of "no class", shape (1, features)."""
        rows: Tensor = self.rows.weight[self.none :] if labels is None else self.rows(labels)
        return rows
