"""Signal-to-noise ratio, measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from noisereel.contracts.probe import MeasureContext, Metric
from noisereel.contracts.state import State

from ..distances.clouds import counterparts

__all__ = ["SNR"]


class SNR(Metric):
    """10·log₁₀ of the power of the signal α_t·x_0 over that of the noise x_t − α_t·x_0, in the particles themselves.

    The schedule's α²/σ² (``curve: snr``) is for data of power 1; this is for the data at hand. The signal's power is
    its variance over all numbers. x_0 is row i mod n of the data, so it is for particles that come from data. Infinite
    without noise.
    """

    gives: ClassVar[tuple[str, ...]] = ("snr_db",)
    unit: ClassVar[str] = "dB"

    def measure(self, state: State, ctx: MeasureContext) -> Mapping[str, NDArray[np.generic]]:
        """``snr_db``, in decibels."""
        signal = state.level.alpha * counterparts(ctx.data.x0, len(state.x)).double()
        power = float(signal.var(correction=0))
        noise = float((state.x.double() - signal).square().mean())
        if power == 0 or noise == 0:
            return {"snr_db": np.asarray(math.inf if noise == 0 else -math.inf)}
        return {"snr_db": np.asarray(10 * math.log10(power / noise))}
