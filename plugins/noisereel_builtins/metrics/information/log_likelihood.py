"""Log-likelihood of the particles under the model that made them."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from noisereel.contracts.probe import MeasureContext, Metric, Values
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.state import State

__all__ = ["LogLikelihood"]

_WRONG_SAMPLER = "log-likelihood needs a sampler that follows the density: {ode: {likelihood: true}}"
_LEVELS = 127.5  # grey levels per unit of image data, which is in [−1, 1]


class LogLikelihood(Metric):
    """Mean log-likelihood of the particles, ln p_t(x_t) = ln p_T(x_T) − ln|det ∂x_t/∂x_T|, in nats.

    The sampler must follow the density along the probability-flow ODE: ``{ode: {likelihood: true}}``. For images,
    ``bits_per_dim`` is the cost of a value with 256 levels, −ln p/(D·ln 2) + log₂ 127.5, ignoring uniform noise within
    a level; for points it is NaN. Denoisers that memorise single points have no density: theirs grows without bound as
    t falls to 0.

    References:
        Song et al. (2021), arXiv:2011.13456, Eq. (39); Chen et al. (2018), arXiv:1806.07366, theorem 1.
    """

    gives: ClassVar[tuple[str, ...]] = ("log_likelihood", "bits_per_dim")
    unit: ClassVar[str] = "nat"

    def unit_of(self, name: str) -> str:
        return "bit" if name == "bits_per_dim" else self.unit

    def check(self, run: RunInfo) -> str | None:
        if run.denoiser is not None and run.denoiser.is_discrete:
            return (
                "log-likelihood needs a denoiser whose data have a density, such as mixture or gaussian; "
                "the density of single points is infinite"
            )
        return None if run.aux_names >= {"log_det", "log_prior"} else _WRONG_SAMPLER

    def measure(self, state: State, ctx: MeasureContext) -> Values:
        """Return ``log_likelihood`` in nats and ``bits_per_dim`` in bits.

        Raises:
            ValueError: The sampler does not follow the density.
        """
        if "log_det" not in state.aux or "log_prior" not in state.aux:
            raise ValueError(_WRONG_SAMPLER)
        nats = float((state.aux["log_prior"].double() - state.aux["log_det"].double()).mean())
        d = math.prod(state.x.shape[1:])
        bits = math.log2(_LEVELS) - nats / (d * math.log(2)) if state.x.ndim > 2 else math.nan
        return {"log_likelihood": np.asarray(nats), "bits_per_dim": np.asarray(bits)}
