"""Measured signal-to-noise ratio."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from noisereel.contracts.probe import MeasureContext, Metric, Values
from noisereel.contracts.state import State

from ..distances.clouds import counterparts

__all__ = ["SNR"]


class SNR(Metric):
    """Measured signal-to-noise ratio: the power of the signal α_t·x_0 over the power of the noise, in decibels.

        10·log₁₀(power of α_t·x_0 / power of x_t − α_t·x_0)

    The schedule's α²/σ² (``curve: snr``) assumes data of power 1; this uses the actual data. The signal's power is its
    variance over all numbers. x_0 is row i mod n of the data for particle i, so the particles must come from data.
    Infinite without noise.
    """

    gives: ClassVar[tuple[str, ...]] = ("snr_db",)
    unit: ClassVar[str] = "dB"

    def measure(self, state: State, ctx: MeasureContext) -> Values:
        """Return ``snr_db``, in decibels."""
        signal = state.level.alpha * counterparts(ctx.data.x0, len(state.x)).double()
        power = float(signal.var(correction=0))
        noise = float((state.x.double() - signal).square().mean())
        if power == 0 or noise == 0:
            return {"snr_db": np.asarray(math.inf if noise == 0 else -math.inf)}
        return {"snr_db": np.asarray(10 * math.log10(power / noise))}
