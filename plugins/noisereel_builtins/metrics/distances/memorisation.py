"""Share of the particles that are copies of data points."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from noisereel.contracts.dataset import Data
from noisereel.contracts.probe import MeasureContext, Metric, Values
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.state import State

from .clouds import flat, nearest

__all__ = ["Memorisation"]


class Memorisation(Metric):
    """Share of the particles that are copies of data points: d₁ < d₂/3, the distances to the two nearest ones.

    Repeated data points count once. New samples would also give a certain share, in the plane about 1/9 where the data
    is dense; ``memorisation_held_out`` is this share for every second data point, measured against the rest.

    References:
        Yoon et al. (2023), "Diffusion probabilistic models generalize when they fail to memorize".
    """

    gives: ClassVar[tuple[str, ...]] = ("memorisation", "memorisation_held_out")

    ratio: float = Field(default=1 / 3, gt=0, lt=1)
    """d₁/d₂ below which a particle counts as a copy."""

    def check(self, run: RunInfo) -> str | None:
        return _data_error(run.data)

    def measure(self, state: State, ctx: MeasureContext) -> Values:
        """Return ``memorisation`` and ``memorisation_held_out``, from 0 to 1; NaN if any particle is not finite.

        Raises:
            ValueError: There are too few different data points.
        """
        if message := _data_error(ctx.data):
            raise ValueError(message)
        x = flat(state.x)
        data = _distinct(flat(ctx.data.x0))
        share = self._share(x, data) if bool(x.isfinite().all()) else math.nan
        held_out = self._share(data[::2], data[1::2])
        return {"memorisation": np.asarray(share), "memorisation_held_out": np.asarray(held_out)}

    def _share(self, x: Tensor, data: Tensor) -> float:
        d, _ = nearest(x, data, 2, "memorisation")
        return float((d[:, 0] < self.ratio * d[:, 1]).double().mean())


def _data_error(data: Data) -> str | None:
    """Return the reason why the data cannot be used, or None."""
    return "memorisation needs at least 4 different samples" if len(torch.unique(flat(data.x0), dim=0)) < 4 else None


def _distinct(data: Tensor) -> Tensor:
    """Return the rows without repetitions, in order of first appearance."""
    _, first = np.unique(data.cpu().numpy(), axis=0, return_index=True)
    return data[np.sort(first)]
