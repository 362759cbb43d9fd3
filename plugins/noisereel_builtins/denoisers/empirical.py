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

_FEW = 1024  # points that are best summed all
_MOST_DIMENSIONS = 3  # in more, neither grids nor boxes narrow anything down
_MOMENTS = {1: 1, 2: 100, 3: 400}  # numbers on a grid for each point, by dimension, beyond which blocks are faster
_MOST_MOMENTS = 4_000_000  # numbers on a grid at all


class Empirical(Denoiser):
    """The posterior mean E[x_0 | x_t] over the data set itself, exact; no training.

    x̂_0 = Σ_i w_i x_i with w = softmax(−‖x_t − α_t x_i‖²/2σ_t²): the optimum of the denoising loss on these data, which
    remembers them: a reverse process that follows it ends on the data points.

    Results agree with float64 arithmetic to a few 1e-6 for data of unit scale. The same call gives the same bits; a row
    among other rows may differ by rounding (1e-6).

    References:
        Karras et al. (2022), arXiv:2206.00364, appendix B.3, Eq. (57).
    """

    @property
    def is_discrete(self) -> bool:
        return True

    def bind(self, ctx: DenoiserContext) -> Model:
        """Make the model of the run's data.

        Raises:
            ValueError: The data set is empty.
        """
        if not len(ctx.data.x0):
            raise ValueError("the empirical denoiser needs at least one sample; the data set is empty")
        return _Posterior(ctx.data.x0.to(ctx.device))


class _Posterior:
    """D(x, t) = Σ w_i x_i. How it is summed depends on the data and σ/α, never on the number of queries."""

    def __init__(self, x0: Tensor) -> None:
        self.x0 = x0.flatten(1)
        self._dense = lru_cache(maxsize=2)(partial(Dense.of, self.x0))
        self._grid = lru_cache(maxsize=2)(self._smear)  # a two-stage sampler asks at two levels a step

    def __call__(self, x: Tensor, level: Level, labels: Tensor | None = None) -> Tensor:
        """E[x_0 | x_t = x].

        Args:
            x: Noisy samples, shape (m, *event). A row that is not finite gives NaN.
            level: How noisy they are.
            labels: Not used.
        """
        if level.sigma == 0:
            return x / level.alpha
        flat = x.flatten(1)
        broken = ~flat.isfinite().all(1, keepdim=True)
        mean = self._mean(flat.double().masked_fill(broken, 0.0), level, flat.dtype)
        return mean.to(x.dtype).masked_fill(broken, math.nan).view_as(x)

    def _mean(self, x: Tensor, level: Level, dtype: torch.dtype) -> Tensor:
        s = level.sigma / level.alpha if level.alpha else math.inf
        if math.isinf(s) or len(self.x0) == 1:
            return self._centre.expand_as(x)
        y = x / level.alpha
        if dtype == torch.float64 or y.requires_grad or min(y.shape) == 0 or not self._narrow:
            return self._dense(torch.promote_types(dtype, torch.float32)).mean(y, s)
        with threads(1):  # many small steps: two threads would wait for one another longer than they work
            return self._gridded(y, s) if self._fits(s) else self._blocks.mean(y, s)

    def _gridded(self, y: Tensor, s: float) -> Tensor:
        sums = self._grid(s).sums(y)
        mean = self._centre + sums[:, 1:] / sums[:, :1]
        faint = (sums[:, 0] < FAINT).nonzero().squeeze(1)
        if len(faint):
            mean[faint] = self._blocks.mean(y[faint], s)
        return mean

    def _smear(self, s: float) -> Grid:
        return Grid.of(self._wide, (self._wide - self._centre).float(), self._order, s)

    def _fits(self, s: float) -> bool:
        n, dims = self.x0.shape
        numbers = math.prod(grid_shape(*self._box, n, s)) * (1 + dims)
        return numbers <= min(_MOMENTS[dims] * n, _MOST_MOMENTS)

    @property
    def _narrow(self) -> bool:
        return len(self.x0) > _FEW and self.x0.shape[1] <= _MOST_DIMENSIONS

    @cached_property
    def _centre(self) -> Tensor:
        return self.x0.mean(0, dtype=torch.float64)

    @cached_property
    def _wide(self) -> Tensor:
        return self.x0.double()

    @cached_property
    def _box(self) -> tuple[Tensor, Tensor]:
        return self._wide.amin(0).cpu(), self._wide.amax(0).cpu()

    @cached_property
    def _order(self) -> Tensor:
        return kd_blocks(self._wide, 128)

    @cached_property
    def _blocks(self) -> Blocks:
        return Blocks.of(self._wide)
