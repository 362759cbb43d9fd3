"""Accuracy of classifying the particles by their neighbours."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from pydantic import Field

from noisereel.contracts.dataset import Data
from noisereel.contracts.probe import MeasureContext, Metric, Values
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.state import State

from .clouds import counterparts, flat, nearest

__all__ = ["KNNAccuracy"]


class KNNAccuracy(Metric):
    """Share of the particles that have the most frequent label of their k nearest neighbours among the particles.

    A particle has the label of its x_0, so the run must start from data. The value shows how much of the classes is
    left: near 1 where they are separate, the share of one class where noise has mixed them. If several labels are
    equally frequent among the neighbours, the lowest counts.
    """

    gives: ClassVar[tuple[str, ...]] = ("knn_accuracy",)
    primary: ClassVar[str | None] = "k"

    k: int = Field(default=5, ge=1, le=1000)
    """Number of neighbours."""

    def check(self, run: RunInfo) -> str | None:
        return _data_error(run.data)

    def measure(self, state: State, ctx: MeasureContext) -> Values:
        """Return ``knn_accuracy``, from 0 to 1; NaN if any particle is not finite.

        Raises:
            ValueError: The data has no labels, or there are at most k particles.
        """
        if ctx.data.labels is None:
            raise ValueError(_data_error(ctx.data))
        x = flat(state.x)
        if len(x) <= self.k:
            raise ValueError(f"knn-accuracy: {self.k} neighbours need more than {len(x)} particles")
        if not bool(x.isfinite().all()):
            return {"knn_accuracy": np.asarray(np.nan)}
        labels = counterparts(ctx.data.labels, len(x))
        _, rows = nearest(x, x, self.k + 1, "knn-accuracy")
        # A particle is normally its own first neighbour. If it is repeated, it may come later or not at all; then all
        # k + 1 neighbours are other particles at distance 0, and the last is dropped.
        own = rows == torch.arange(len(x), device=x.device)[:, None]
        own[:, -1] |= ~own.any(1)
        majority = labels[rows[~own].reshape(len(x), self.k)].mode(dim=1).values
        return {"knn_accuracy": np.asarray(float((majority == labels).double().mean()))}


def _data_error(data: Data) -> str | None:
    """Return the reason why the data cannot be used, or None."""
    return "knn-accuracy needs data with labels" if data.labels is None else None
