"""Posterior means from all pairs, by matrix products over chunks of constant size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Dense"]

_CHUNK = 250_000  # pairs at a time: fits a core's cache; constant, so that results don't depend on the machine
_FEW_DIMENSIONS = 3  # dimensions up to which all logits may be float64, which is cheap there
_NEAREST = 16  # number of nearest points whose distances are recomputed
_COLUMNS = 64  # coordinates that are float64 at a time, for queries near to more points than these
_NO_WEIGHT = 1e-7  # weight, of all points together, that may be left out
_TOLERANCE = 2e-6  # error, relative to the data's radius, above which float32 logits are too inaccurate


@dataclass(frozen=True, slots=True)
class Dense:
    """Centred data.

    Relative to the centre, −|y−x|²/2s² is (y/s)·(x/s) − |x/s|²/2 up to a term that does not depend on x: a matrix
    product. If s is small compared with the data, or y is far from them, float32 is too inaccurate for that difference
    of large numbers. In few dimensions it is then computed in float64; in many, the distances to the nearest points are
    computed from differences, and all distances in float64 for queries near to many points.

    Attributes:
        x0: The data, shape (n, D).
        centre: Their mean, shape (D,), float64.
        u: The data relative to their centre, shape (n, D), in the dtype of the computation; float64 in few dimensions.
        radius: Largest distance from the centre.
        dtype: Dtype of the computation, float32 or float64.
    """

    x0: Tensor
    centre: Tensor
    u: Tensor
    radius: float
    dtype: torch.dtype

    @classmethod
    def of(cls, x0: Tensor, dtype: torch.dtype) -> Dense:
        """Centre data of shape (n, D)."""
        centre = x0.mean(0, dtype=torch.float64).to(dtype).double()  # the same for u and for queries
        u = x0 - centre if x0.shape[1] <= _FEW_DIMENSIONS else x0.to(dtype) - centre.to(dtype)
        return cls(x0, centre, u, u.square().sum(1).amax().sqrt().item(), dtype)

    def mean(self, y: Tensor, s: float) -> Tensor:
        """Return Σ w_i x_i with w = softmax(−|y−x_i|²/2s²). Differentiable in y.

        Args:
            y: Finite queries, shape (m, D), float64.
            s: Width of the kernel, σ/α.
        """
        # The part of |y − centre| that noise does not explain: about the data's radius, unless y is far from them.
        excess = max(self._distance(y).tolist(), default=0.0) - s * math.sqrt(y.shape[1])
        largest = max(self.radius / s, excess / s * min(self.radius / s, 1.0), 1.0)
        inaccurate = torch.finfo(self.dtype).eps * largest > _TOLERANCE
        logit_dtype = self.u.dtype if inaccurate else self.dtype
        keys = (self.u / s).to(logit_dtype)
        bias = keys.square().sum(1) / -2
        values = self.u.to(self.dtype).T
        means = []
        chunk = _CHUNK * max(1, self.u.shape[1] // 64)  # in many dimensions, reading the data costs more than a chunk
        for part in torch.split(y, max(1, chunk // len(self.u))):
            logits = torch.addmm(bias, ((part - self.centre) / s).to(logit_dtype), keys.T)
            logits -= logits.detach().amax(1, keepdim=True)
            if inaccurate and logit_dtype == torch.float32:
                means.append(self._refined(logits, part, s))
                continue
            # values·weightsᵀ rather than weights·valuesᵀ: with few columns it is twice as fast.
            means.append((values @ torch.softmax(logits.to(self.dtype), 1).T).T + self.centre)
        return torch.cat(means)

    def _refined(self, logits: Tensor, y: Tensor, s: float) -> Tensor:
        """Return the mean if float32 logits are too inaccurate, from offsets of the nearest points to the nearest one.

        With o_i = x_i − x_1: |y−x_i|² − |y−x_1|² = |o_i|² − 2 o_i·(y−x_1), and the mean is x_1 + Σ w_i o_i. Differences
        of nearby points are accurate in float32. Queries near to more points are computed in float64.
        """
        largest, nearest = logits.detach().topk(min(_NEAREST, len(self.x0)), 1)
        first = self.x0[nearest[:, 0]]
        offsets = self.x0[nearest] - first[:, None]
        inner = (offsets @ (y - first).to(offsets.dtype)[:, :, None]).squeeze(2)
        exact = (inner - offsets.square().sum(2) / 2).double() / s**2
        weights = torch.softmax(logits.scatter(1, nearest, exact.to(logits.dtype)), 1)
        near = (weights.gather(1, nearest)[:, None] @ offsets).squeeze(1)
        far = weights.scatter(1, nearest, 0.0)
        mean = first.double() + near + far @ self.u - far.sum(1, keepdim=True) * (first - self.centre)
        rows = self._not_refined(largest, y, s).nonzero().squeeze(1)
        return mean.index_copy(0, rows, self._exact(y[rows], s)) if len(rows) else mean

    def _not_refined(self, largest: Tensor, y: Tensor, s: float) -> Tensor:
        """Return whether a query is far from the data, or near to more points than are refined, shape (m,)."""
        distance = self._distance(y)
        far = distance - s * math.sqrt(y.shape[1]) > 2 * self.radius
        if len(self.x0) <= _NEAREST:
            return far
        rounding = torch.finfo(self.dtype).eps * ((distance + self.radius) / s).square()
        return far | (largest[:, 0] - largest[:, -1] < math.log(len(self.x0) / _NO_WEIGHT) + 2 * rounding)

    def _distance(self, y: Tensor) -> Tensor:
        """Return the distance of queries from the centre, shape (m,)."""
        distance: Tensor = torch.linalg.vector_norm(y.detach() - self.centre, dim=1)
        return distance

    def _exact(self, y: Tensor, s: float) -> Tensor:
        """Return the mean in float64, a few coordinates of the data at a time."""
        columns = [slice(start, start + _COLUMNS) for start in range(0, y.shape[1], _COLUMNS)]
        logits = y.new_zeros(len(y), len(self.x0))
        for part in columns:
            keys = self._centred(part) / s
            logits = logits + torch.addmm(keys.square().sum(1) / -2, (y - self.centre)[:, part] / s, keys.T)
        weights = torch.softmax(logits, 1)
        return torch.cat([weights @ self._centred(part) for part in columns], 1) + self.centre

    def _centred(self, columns: slice) -> Tensor:
        return self.x0[:, columns].double() - self.centre[columns]
