"""Share of the particles that one would give the right label by their neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from noisereel.contracts.dataset import Data
from noisereel.contracts.probe import MeasureContext, Metric
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.state import State

from .clouds import counterparts, flat, nearest

__all__ = ["KNNAccuracy"]


class KNNAccuracy(Metric):
    """Share of the particles whose label most of their k nearest fellow particles have, each having that of its x_0.

    How much of the classes is left: near 1 where they lie apart, the share of one class where noise has mixed them.
    It is for runs that start from data. Of labels that are equally frequent among neighbours, the lowest counts.
    """

    gives: ClassVar[tuple[str, ...]] = ("knn_accuracy",)
    primary: ClassVar[str | None] = "k"

    k: int = Field(default=5, ge=1, le=1000)
    """How many neighbours."""

    def check(self, run: RunInfo) -> str | None:
        return _unfit(run.data)

    def measure(self, state: State, ctx: MeasureContext) -> Mapping[str, NDArray[np.generic]]:
        """``knn_accuracy``, from 0 to 1; NaN if any particle is not finite.

        Raises:
            ValueError: The data have no labels, or there are no more than k particles.
        """
        if ctx.data.labels is None:
            raise ValueError(_unfit(ctx.data))
        x = flat(state.x)
        if len(x) <= self.k:
            raise ValueError(f"knn-accuracy: {self.k} neighbours need more than {len(x)} particles")
        if not bool(x.isfinite().all()):
            return {"knn_accuracy": np.asarray(np.nan)}
        labels = counterparts(ctx.data.labels, len(x))
        _, rows = nearest(x, x, self.k + 1, "knn-accuracy")
        # A particle is among its own neighbours, first or, of repeated ones, anywhere; or not at all: then all k + 1
        # are others, at distance 0, and the last is dropped.
        own = rows == torch.arange(len(x), device=x.device)[:, None]
        own[:, -1] |= ~own.any(1)
        found = labels[rows[~own].reshape(len(x), self.k)].mode(dim=1).values
        return {"knn_accuracy": np.asarray(float((found == labels).double().mean()))}


def _unfit(data: Data) -> str | None:
    """Why these data do not serve, or None."""
    return "knn-accuracy needs data with labels" if data.labels is None else None
