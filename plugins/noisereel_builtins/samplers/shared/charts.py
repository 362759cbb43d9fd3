"""Coordinates in which the probability-flow ODE is simple."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from noisereel.contracts.parametrisation import to_eps
from noisereel.contracts.schedule import Level, Schedule

__all__ = ["FLOW", "SIGMA", "Chart", "advance", "distinct", "is_short", "level_at", "regular", "straight"]

_SHORT = 1e-6  # change of ln(α/σ) that a straight move follows up to rounding
_NEAR = 1e-3  # distance of two estimates, over the step's length, below which their difference is mostly rounding


@dataclass(frozen=True, slots=True)
class Chart:
    """The ODE as d(x/scale)/d(variable) = slope.

    Attributes:
        scale: Divisor of x at a level.
        variable: Replaces time; increases with the noise.
        slope: Slope from x, x̂_0 and their level; undefined where σ = 0.
        log_snr: ln(α²/σ²) from the variable.
    """

    scale: Callable[[Level], float]
    variable: Callable[[Level], float]
    slope: Callable[[Tensor, Tensor, Level], Tensor]
    log_snr: Callable[[float], float]


SIGMA = Chart(
    scale=lambda level: level.alpha,
    variable=lambda level: level.sigma / level.alpha if level.alpha else math.inf,
    slope=to_eps,
    log_snr=lambda ratio: -2 * math.log(ratio),
)
"""d(x/α)/d(σ/α) = ε̂ (Song et al., 2021, arXiv:2010.02502, Eq. 14): infinite for pure noise."""

FLOW = Chart(
    scale=lambda level: level.alpha + level.sigma,
    variable=lambda level: level.sigma / (level.alpha + level.sigma),
    slope=lambda x, x0, level: to_eps(x, x0, level).sub_(x0),
    log_snr=lambda share: 2 * math.log((1 - share) / share) if share < 1 else -math.inf,
)
"""d(x/(α+σ))/d(σ/(α+σ)) = ε̂ − x̂_0, the velocity of rectified flow; on its own schedule α + σ = 1. Finite everywhere."""


def advance(chart: Chart, x: Tensor, slope: Tensor, t: Level, s: Level) -> Tensor:
    """Return x_s after a straight move along a slope: x_s/scale_s = x_t/scale_t + (variable_s − variable_t)·slope."""
    scale = chart.scale(s)
    move = scale * (chart.variable(s) - chart.variable(t))
    return x.mul(scale / chart.scale(t)).add_(slope, alpha=move)


def straight(x: Tensor, x0: Tensor, t: Level, s: Level) -> Tensor:
    """Return x_s = α_s·x̂_0 + σ_s·ε̂, a straight move in any chart; defined even where σ_s = 0 or α_t = 0."""
    on_eps = s.sigma / t.sigma
    return x.mul(on_eps).add_(x0, alpha=s.alpha - on_eps * t.alpha)


def regular(chart: Chart, t: Level, s: Level) -> bool:
    """Return whether a chart's ODE is defined at both ends of a step: σ_s is not 0 and the variable is finite."""
    return s.sigma > 0 and math.isfinite(chart.variable(t))


def is_short(t: Level, s: Level) -> bool:
    """Return whether the SNR stays the same from t to s, or nearly; no polynomial can pass through both estimates."""
    return abs(t.log_snr - s.log_snr) / 2 < _SHORT


def distinct(estimates: Sequence[tuple[float, Tensor]], length: float) -> list[tuple[float, Tensor]]:
    """Return the estimates, newest first, that are far enough apart to extrapolate over a step of this length.

    Args:
        estimates: The variable of the polynomial, and the estimate there.
        length: Change of the variable over the step.
    """
    kept: list[tuple[float, Tensor]] = []
    for value, estimate in estimates:
        if all(abs(value - other) > _NEAR * abs(length) for other, _ in kept):
            kept.append((value, estimate))
    return kept


def level_at(chart: Chart, variable: float, schedule: Schedule) -> Level:
    """Return the schedule's level at which a chart's variable has this value."""
    return schedule.at(schedule.time_of(chart.log_snr(variable)))
