"""Share of the data's modes that the particles reach."""

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

from .clouds import flat, nearest

__all__ = ["ModeCoverage"]


class ModeCoverage(Metric):
    """Share of the data's classes that have particles: each particle counts for the class of its nearest data point.

    A class is covered if its share of the particles is at least ``least`` times its share of the data, so that a few
    strays don't count. ``mode_balance`` beside it is 1 − ½·Σ_c |share of particles − share of data|: 1 if all classes
    are as frequent as in the data.
    """

    gives: ClassVar[tuple[str, ...]] = ("mode_coverage", "mode_balance")

    least: float = Field(default=0.1, gt=0, le=1)
    """Share of its fair share that a class must have."""

    def check(self, run: RunInfo) -> str | None:
        return _unfit(run.data)

    def measure(self, state: State, ctx: MeasureContext) -> Mapping[str, NDArray[np.generic]]:
        """``mode_coverage`` and ``mode_balance``, from 0 to 1.

        Raises:
            ValueError: The data have no labels.
        """
        labels = ctx.data.labels
        if labels is None:
            raise ValueError(_unfit(ctx.data))
        x = flat(state.x)
        classes, of_data = torch.unique(labels, return_inverse=True)
        _, row = nearest(x[x.isfinite().all(1)], flat(ctx.data.x0), 1, "mode-coverage")
        found = torch.bincount(of_data[row[:, 0]], minlength=len(classes)).double() / len(x)
        fair = torch.bincount(of_data).double() / len(labels)
        covered = (found >= self.least * fair).double().mean()
        balance = 1 - (found - fair).abs().sum() / 2
        return {"mode_coverage": np.asarray(float(covered)), "mode_balance": np.asarray(float(balance))}


def _unfit(data: Data) -> str | None:
    """Why these data do not serve, or None."""
    return "mode-coverage needs data with labels" if data.labels is None else None
