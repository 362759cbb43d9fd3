"""Mean absolute distance to the clean data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from noisereel.contracts.probe import MeasureContext, Metric
from noisereel.contracts.schedule import posterior
from noisereel.contracts.state import State

from ..distances.clouds import counterparts

__all__ = ["L1"]


class L1(Metric):
    """Mean of |· − x_0| over all numbers of all particles, x_0 being the sample that each began as: row i mod n.

    ``l1`` is that of x_t; ``l1_x0`` of the estimate x̂_0; ``l1_mean`` of the posterior mean μ̃(x_t, x̂_0) one unit of time
    earlier; ``l1_signal`` of α_{t−1}·x_0, the mean that noise is added to there. The middle two need a denoiser, and
    are no number without one. Means something only for particles that come from data, or an oracle.

    References:
        Ho et al. (2020), arXiv:2006.11239, Eq. (7) for μ̃.
    """

    gives: ClassVar[tuple[str, ...]] = ("l1", "l1_x0", "l1_mean", "l1_signal")

    def measure(self, state: State, ctx: MeasureContext) -> Mapping[str, NDArray[np.generic]]:
        """The four distances, in data units."""
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
        found = {"l1": x, "l1_x0": x0, "l1_mean": mean, "l1_signal": s.alpha * clean}
        return {name: np.asarray(_distance(value, clean)) for name, value in found.items()}


def _distance(value: Tensor | None, clean: Tensor) -> float:
    return math.nan if value is None else float((value - clean).abs().mean())
