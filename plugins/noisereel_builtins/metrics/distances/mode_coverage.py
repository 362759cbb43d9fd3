"""Share of the data's modes that the particles reach."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from pydantic import Field

from noisereel.contracts.dataset import Data
from noisereel.contracts.probe import MeasureContext, Metric, Values
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.state import State

from .clouds import flat, nearest

__all__ = ["ModeCoverage"]


class ModeCoverage(Metric):
    """Share of the data's classes that the particles cover, each particle being of its nearest data point's class.

    A class is covered if its share of the particles is at least ``least`` times its share of the data, so that a few
    stray particles don't count. ``mode_balance`` is 1 − ½·Σ_c |share of particles − share of data|: 1 if all classes
    are as frequent as in the data.
    """

    gives: ClassVar[tuple[str, ...]] = ("mode_coverage", "mode_balance")

    least: float = Field(default=0.1, gt=0, le=1)
    """Share of the particles that a class needs to be covered, relative to its share of the data."""

    def check(self, run: RunInfo) -> str | None:
        return _data_error(run.data)

    def measure(self, state: State, ctx: MeasureContext) -> Values:
        """Return ``mode_coverage`` and ``mode_balance``, from 0 to 1.

        Raises:
            ValueError: The data has no labels.
        """
        labels = ctx.data.labels
        if labels is None:
            raise ValueError(_data_error(ctx.data))
        x = flat(state.x)
        classes, class_of_row = torch.unique(labels, return_inverse=True)
        _, rows = nearest(x[x.isfinite().all(1)], flat(ctx.data.x0), 1, "mode-coverage")
        of_particles = torch.bincount(class_of_row[rows[:, 0]], minlength=len(classes)).double() / len(x)
        of_data = torch.bincount(class_of_row).double() / len(labels)
        covered = (of_particles >= self.least * of_data).double().mean()
        balance = 1 - (of_particles - of_data).abs().sum() / 2
        return {"mode_coverage": np.asarray(float(covered)), "mode_balance": np.asarray(float(balance))}


def _data_error(data: Data) -> str | None:
    """Return the reason why the data cannot be used, or None."""
    return "mode-coverage needs data with labels" if data.labels is None else None
