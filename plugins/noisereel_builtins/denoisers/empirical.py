"""The exact denoiser of a finite data set."""

import math
from functools import cached_property, lru_cache, partial

import torch
from torch import Tensor

from noisereel.contracts.denoiser import Denoiser, DenoiserContext, Model
from noisereel.contracts.schedule import Level
from noisereel.support.threads import threads

from .block_sparse import Blocks
from .dense import Dense
from .gridded import FAINT, Grid, grid_shape
from .kd_blocks import kd_blocks

__all__ = ["Empirical"]

_DENSE_POINTS = 1024  # points up to which summing over all of them is fastest
_MAX_DIMENSIONS = 3  # in more, neither grids nor boxes exclude enough points
_MOMENTS_PER_POINT = {1: 1, 2: 100, 3: 400}  # numbers on a grid, by dimension, above which blocks are faster
_MAX_MOMENTS = 4_000_000  # numbers on a grid, however many points


class Empirical(Denoiser):
    """The exact posterior mean E[x_0 | x_t] over the data set itself; no training.

    x̂_0 = Σ_i w_i x_i with w = softmax(−‖x_t − α_t x_i‖²/2σ_t²). It minimises the denoising loss on these data and
    memorises them: a reverse process that follows it ends on the data points.

    Results agree with float64 arithmetic to a few 1e-6 for data of unit scale. Equal calls give identical bits; a row
    may differ by rounding (1e-6) if the other rows differ.

    References:
        Karras et al. (2022), arXiv:2206.00364, appendix B.3, Eq. (57).
    """

    @property
    def is_discrete(self) -> bool:
        return True

    def bind(self, ctx: DenoiserContext) -> Model:
        """Build the model of the run's data.

        Raises:
            ValueError: The data set is empty.
        """
        if not len(ctx.data.x0):
            raise ValueError("the empirical denoiser needs at least one sample; the data set is empty")
        return _Posterior(ctx.data.x0.to(ctx.device))


class _Posterior:
    """The model D(x, t) = Σ w_i x_i. How it is summed depends on the data and σ/α, not on the number of queries."""

    def __init__(self, x0: Tensor) -> None:
        self.x0 = x0.flatten(1)
        self._dense = lru_cache(maxsize=2)(partial(Dense.of, self.x0))
        self._grid = lru_cache(maxsize=2)(self._make_grid)  # a two-stage sampler evaluates at two levels per step

    def __call__(self, x: Tensor, level: Level, labels: Tensor | None = None) -> Tensor:
        """Return E[x_0 | x_t = x].

        Args:
            x: Noisy samples, shape (m, *event). A row that is not finite gives NaN.
            level: Noise level of the samples.
            labels: Not used.
        """
        if level.sigma == 0:
            return x / level.alpha
        flat = x.flatten(1)
        invalid = ~flat.isfinite().all(1, keepdim=True)
        mean = self._mean(flat.double().masked_fill(invalid, 0.0), level, flat.dtype)
        return mean.to(x.dtype).masked_fill(invalid, math.nan).view_as(x)

    def _mean(self, x: Tensor, level: Level, dtype: torch.dtype) -> Tensor:
        s = level.sigma / level.alpha if level.alpha else math.inf
        if math.isinf(s) or len(self.x0) == 1:
            return self._centre.expand_as(x)
        y = x / level.alpha
        if dtype == torch.float64 or y.requires_grad or min(y.shape) == 0 or not self._can_exclude:
            return self._dense(torch.promote_types(dtype, torch.float32)).mean(y, s)
        with threads(1):  # operations so small that two threads would wait longer than they work
            return self._grid_mean(y, s) if self._grid_is_faster(s) else self._blocks.mean(y, s)

    def _grid_mean(self, y: Tensor, s: float) -> Tensor:
        sums = self._grid(s).sums(y)
        mean = self._centre + sums[:, 1:] / sums[:, :1]
        faint = (sums[:, 0] < FAINT).nonzero().squeeze(1)
        if len(faint):
            mean[faint] = self._blocks.mean(y[faint], s)
        return mean

    def _make_grid(self, s: float) -> Grid:
        return Grid.of(self._x64, (self._x64 - self._centre).float(), self._order, s)

    def _grid_is_faster(self, s: float) -> bool:
        n, dims = self.x0.shape
        numbers = math.prod(grid_shape(*self._box, n, s)) * (1 + dims)
        return numbers <= min(_MOMENTS_PER_POINT[dims] * n, _MAX_MOMENTS)

    @property
    def _can_exclude(self) -> bool:
        return len(self.x0) > _DENSE_POINTS and self.x0.shape[1] <= _MAX_DIMENSIONS

    @cached_property
    def _centre(self) -> Tensor:
        return self.x0.mean(0, dtype=torch.float64)

    @cached_property
    def _x64(self) -> Tensor:
        return self.x0.double()

    @cached_property
    def _box(self) -> tuple[Tensor, Tensor]:
        return self._x64.amin(0).cpu(), self._x64.amax(0).cpu()

    @cached_property
    def _order(self) -> Tensor:
        return kd_blocks(self._x64, 128)

    @cached_property
    def _blocks(self) -> Blocks:
        return Blocks.of(self._x64)
