"""Heun's method along the velocity of rectified flow."""

from __future__ import annotations

from typing import ClassVar

from ..shared.charts import FLOW, Chart
from .heun import Heun

__all__ = ["FlowHeun"]


class FlowHeun(Heun):
    """Moves along the mean of the velocities v̂ = ε̂ − x̂_0 at both ends. Second order in u = σ/(α+σ).

        x'  = x_t + (u_s − u_t)·v̂(x_t, t)
        x_s = x_t + (u_s − u_t)·(v̂(x_t, t) + v̂(x', s))/2   for x in units of α + σ

    On ``rectified-flow`` u is t/T and α + σ is 1. The step into clean data is Euler's: n steps call the denoiser
    2n − 1 times. Unlike Euler's, the two Heun methods differ, for a bent path looks different in each variable.

    References:
        Liu et al. (2022), arXiv:2209.03003; Lipman et al. (2022), arXiv:2210.02747.
    """

    chart: ClassVar[Chart] = FLOW
