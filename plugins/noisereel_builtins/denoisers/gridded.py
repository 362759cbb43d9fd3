"""Posterior means from a grid: data are smeared onto it once per level, and read from it for each query."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import threshold

from .kd_blocks import kd_blocks

__all__ = ["FAINT", "Grid", "grid_shape"]

FAINT = 1e-4
"""Sum of kernel values below which a query is too far from all data for the grid."""
_NODES_PER_S = 2.0  # the error of the trapezoidal rule is then 2·exp(−2π²) = 5e-9
_SMALLEST, _LARGEST = 128, 1024  # rows that share a window of the grid
_MAX_NUMBERS = 500_000  # numbers in the matrices that are processed at a time
_MIN_EXPONENT = -60.0  # smaller exponents are clamped: exp is ten times slower where it underflows
_MIN_KERNEL = 1e-16  # smaller kernel values become 0: their products would underflow, which is ten times slower, too
_TOLERANCE = 1e-7  # relative change of a sum of FAINT by cutting the Gaussians' tails


@dataclass(frozen=True, slots=True)
class Grid:
    """Moments of the data, smeared on a grid by a Gaussian.

    A Gaussian is the convolution of two narrower ones:

        exp(−|y−x|²/2s²) ∝ ∫ exp(−|y−g|²/s²)·exp(−|g−x|²/s²) dg ≈ Σ_g …

    At spacing s/2, the trapezoidal rule has a relative error of 5e-9 for *each* kernel value, and all terms are
    positive, so near and far pairs are equally accurate. Both factors are separable in the axes, hence small matrix
    products.

    Attributes:
        moments: Σ_i exp(−|g−x_i|²/s²)·(1, u_i), u centred, shape (G_1, …, G_{D−1}, 1 + D, G_D), float32.
        origin: Position of the first node, in units of the spacing, shape (D,), float64.
        spacing: Distance between nodes.
        low: Lower corner of the box in which queries are near enough, shape (D,), float64.
        high: Its upper corner, likewise.
        reach: Radius of a Gaussian, in nodes.

    References:
        Greengard and Lee (2004), SIAM Review 46(3), section 2: Gaussian gridding.
    """

    moments: Tensor
    origin: Tensor
    spacing: float
    low: Tensor
    high: Tensor
    reach: int

    @classmethod
    def of(cls, x0: Tensor, centred: Tensor, order: Tensor, s: float) -> Grid:
        """Smear data onto a grid.

        Args:
            x0: The data, shape (n, D), float64.
            centred: The data relative to any centre, float32.
            order: ``kd_blocks(x0, …)``.
            s: Width of the kernel, σ/α.
        """
        n, spacing, reach = len(x0), s / _NODES_PER_S, _reach(len(x0))
        low, high = x0.amin(0), x0.amax(0)
        nodes = grid_shape(low, high, n, s)
        origin = torch.floor(low / spacing) - reach
        features = torch.cat([torch.ones_like(centred[:, :1]), centred], 1)
        features = torch.cat([features, torch.zeros_like(features[:1])])[order.clamp(max=n).flatten()]
        at = (x0 / spacing - origin)[order.clamp(max=n - 1).flatten()]
        moments = centred.new_zeros(*nodes[:-1], features.shape[1], nodes[-1])
        for rows, windows, factors in _blocks(at, nodes, reach):
            block_features = features[rows].view(len(windows), -1, features.shape[1])
            for window, part in zip(windows, _smear(factors, block_features), strict=True):
                moments[window] += part
        # Farther away, n kernel values add up to less than FAINT.
        margin = s * math.sqrt(2 * math.log(n / FAINT))
        return cls(moments, origin, spacing, low - margin, high + margin, reach)

    def sums(self, y: Tensor) -> Tensor:
        """Return Σ_i exp(−|y−x_i|²/2s²)·(1, u_i) for queries y.

        Args:
            y: Finite queries, shape (m, D), float64.

        Returns:
            Shape (m, 1 + D), float32; 0 for queries outside the box from ``low`` to ``high``.
        """
        clamped = y.clamp(self.low, self.high)
        dims = y.shape[1]
        order = kd_blocks(clamped, _SMALLEST).flatten()
        at = (clamped / self.spacing - self.origin)[order.clamp(max=len(y) - 1)]
        nodes = (*self.moments.shape[: dims - 1], self.moments.shape[-1])
        read = self.moments.new_empty(len(order), dims + 1)
        for rows, windows, factors in _blocks(at, nodes, self.reach):
            read[rows] = _read(factors, torch.stack([self.moments[window] for window in windows]))
        sums = self.moments.new_empty(len(y) + 1, dims + 1).index_copy_(0, order.clamp(max=len(y)), read)[:-1]
        scale = (_NODES_PER_S * math.sqrt(math.pi / 2)) ** -dims
        return sums.mul_(scale * (clamped == y).all(1, keepdim=True))


def grid_shape(low: Tensor, high: Tensor, n: int, s: float) -> tuple[int, ...]:
    """Return the nodes along each axis for n points in the box from ``low`` to ``high`` and a kernel of width s."""
    return tuple(math.ceil(extent * _NODES_PER_S / s) + 2 * _reach(n) + 2 for extent in (high - low).tolist())


def _reach(n: int) -> int:
    """Return the number of nodes beyond which exp(−d²/s²), summed over n points, is negligible in a sum of FAINT."""
    return math.ceil(_NODES_PER_S * math.sqrt(math.log(n / (_TOLERANCE * FAINT))))


_Window = tuple[slice, ...]


def _blocks(at: Tensor, nodes: tuple[int, ...], reach: int) -> Iterator[tuple[slice, list[_Window], list[Tensor]]]:
    """Yield groups of blocks of rows: the rows, each block's window of the grid, and exp(−(at−g)²/s²) by axis in it.

    The windows of a group have equal sizes; the factors have shape (blocks, rows, nodes).
    """
    size = _block_size(len(at), nodes, reach)
    nearest = at.round()
    # Keep the distance to the nearest node apart from whole numbers of nodes: float32 would lose it among thousands.
    fraction = ((at - nearest) / _NODES_PER_S).float().T.view(len(nodes), -1, size)
    ends = nearest.view(-1, size, len(nodes))
    whole = (nearest / _NODES_PER_S).float().T.view(len(nodes), -1, size)
    first = (ends.amin(1) - reach).clamp_(min=0).long().tolist()
    last = (ends.amax(1) + reach + 1).minimum(ends.new_tensor(nodes)).long().tolist()
    node = torch.arange(max(nodes), device=at.device, dtype=torch.float32) / _NODES_PER_S
    for group, width in _groups(first, last, size):
        starts = [[min(a, g - w) for a, g, w in zip(low, nodes, width, strict=True)] for low in first[group]]
        slices = [[slice(a, a + w) for a, w in zip(start, width, strict=True)] for start in starts]
        offsets = (
            (torch.stack([node[axis[d]] for axis in slices])[:, None] - whole[d, group, :, None]).sub_(
                fraction[d, group, :, None]
            )
            for d in range(len(nodes))
        )
        factors = [
            threshold(offset.square_().neg_().clamp_(min=_MIN_EXPONENT).exp_(), _MIN_KERNEL, 0.0, inplace=True)
            for offset in offsets
        ]
        rows = slice(group.start * size, group.stop * size)
        yield rows, [(*axes[:-1], slice(None), axes[-1]) for axes in slices], factors


def _groups(first: list[list[int]], last: list[list[int]], size: int) -> Iterator[tuple[slice, list[int]]]:
    """Yield groups of consecutive blocks to process together, and the widest of their windows along each axis."""
    start, widest = 0, [0] * len(first[0])
    for block, (a, b) in enumerate(zip(first, last, strict=True)):
        wider = [max(w, j - i) for w, i, j in zip(widest, a, b, strict=True)]
        numbers = math.prod(wider[1:]) * (size + wider[0]) * (1 + len(wider))
        if block > start and (block + 1 - start) * numbers > _MAX_NUMBERS:
            yield slice(start, block), widest
            start, wider = block, [j - i for i, j in zip(a, b, strict=True)]
        widest = wider
    yield slice(start, len(first)), widest


def _block_size(rows: int, nodes: tuple[int, ...], reach: int) -> int:
    """Return the rows per block: one block per window that fits into the grid, within limits on the matrix sizes."""
    windows = math.prod(max(1.0, (g - 2 * reach) / reach) for g in nodes)
    size = rows
    while size % 2 == 0 and size // 2 >= _SMALLEST // 2 and (size > _LARGEST or rows / size < windows):
        size //= 2
    return size


def _smear(factors: list[Tensor], features: Tensor) -> Tensor:
    """Return Σ_rows Π_axes factor·feature for each block, shape (blocks, w_1, …, w_{D−1}, features, w_D)."""
    *before, last = factors
    if not before:
        return features.mT @ last
    outer = features[..., None] * last[:, :, None]
    for factor in before[:0:-1]:
        outer = factor[..., None, None] * outer[:, :, None]
    smeared = before[0].mT @ outer.flatten(2)
    return smeared.view(*smeared.shape[:2], *outer.shape[2:])


def _read(factors: list[Tensor], moments: Tensor) -> Tensor:
    """Return Σ_nodes Π_axes factor·moment for each row of each block, shape (blocks·rows, features)."""
    *before, last = factors
    if not before:
        return (last @ moments.mT).flatten(0, 1)
    part = (before[0] @ moments.flatten(2)).view(*last.shape[:2], *moments.shape[2:])
    for factor in before[1:]:
        part = (factor[:, :, None] @ part.flatten(3)).view(*last.shape[:2], *part.shape[3:])
    return part.mul_(last[:, :, None]).sum(3).flatten(0, 1)
