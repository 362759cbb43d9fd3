"""Mean absolute distance to the clean data."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from torch import Tensor

from noisereel.contracts.probe import MeasureContext, Metric, Values
from noisereel.contracts.schedule import posterior
from noisereel.contracts.state import State

from ..distances.clouds import counterparts

__all__ = ["L1"]


class L1(Metric):
    """Mean absolute distance to x_0 over all numbers of all particles; particle i began as row i mod n of the data.

    ``l1`` is the distance of x_t; ``l1_x0`` of the estimate x̂_0; ``l1_mean`` of the posterior mean μ̃(x_t, x̂_0) one unit
    of time earlier; ``l1_signal`` of α_{t−1}·x_0, the mean that noise is added to at that time. ``l1_x0`` and
    ``l1_mean`` need a denoiser and are NaN without one. Only meaningful for particles that come from data, or with the
    denoiser ``oracle``.

    References:
        Ho et al. (2020), arXiv:2006.11239, Eq. (7) for μ̃.
    """

    gives: ClassVar[tuple[str, ...]] = ("l1", "l1_x0", "l1_mean", "l1_signal")

    def measure(self, state: State, ctx: MeasureContext) -> Values:
        """Return the four distances, in data units."""
        x, t = state.x, state.level
        clean = counterparts(ctx.data.x0, len(x))
        s = ctx.schedule.at(max(t.t - 1, 0.0))
        x0 = state.x0
        if x0 is None and ctx.model is not None:
            x0 = ctx.model(x, t)
        mean = x if t.sigma == 0 else None
        if x0 is not None and t.sigma > 0:
            on_x, on_x0, _ = posterior(s, t)
            mean = on_x * x + on_x0 * x0
        values = {"l1": x, "l1_x0": x0, "l1_mean": mean, "l1_signal": s.alpha * clean}
        return {name: np.asarray(_distance(value, clean)) for name, value in values.items()}


def _distance(value: Tensor | None, clean: Tensor) -> float:
    return math.nan if value is None else float((value - clean).abs().mean())
