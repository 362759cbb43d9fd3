"""Schedules: noise levels over time, x_t = α_t·x_0 + σ_t·ε, from clean data at t = 0 to the noisiest level at T."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .plugin import Plugin

__all__ = [
    "BetaSchedule",
    "Kernel",
    "Level",
    "Posterior",
    "Schedule",
    "Spacing",
    "check_schedule",
    "level_error",
    "posterior",
    "signal_left",
    "signal_warning",
    "transition",
]

_LEAST, _MOST = 1e-30, 1e15
"""Limits of α and σ: particles are float32, from 1e-38 to 3e38, and their squares and ratios must fit, too."""

_MAX_SIGNAL_LEFT = 0.1  # share of data in x_T from which samples of a reverse process are visibly off


@dataclass(frozen=True, slots=True)
class Level:
    """Signal and noise at one time: q(x_t | x_0) = N(α_t·x_0, σ_t²·I).

    Attributes:
        t: Time, real, in [0, T].
        alpha: Factor of the signal, α_t.
        sigma: Standard deviation of the noise, σ_t.
    """

    t: float
    alpha: float
    sigma: float

    def __post_init__(self) -> None:
        for name in ("t", "alpha", "sigma"):
            object.__setattr__(self, name, getattr(self, name) + 0.0)  # a negative zero, as of √(−0), becomes 0

    @property
    def log_snr(self) -> float:
        """ln(α²/σ²); +∞ for clean data and −∞ for pure noise."""
        if self.sigma == 0:
            return math.inf
        return -math.inf if self.alpha == 0 else 2 * (math.log(self.alpha) - math.log(self.sigma))

    def beta_to(self, s: Level) -> float:
        """Return β = 1 − (α_t/α_s)², the variance of a variance-preserving step from an earlier level s to this one."""
        return 1 - (self.alpha / s.alpha) ** 2


class Kernel(NamedTuple):
    """q(x_t | x_s) = N(a·x_s, variance·I).

    Attributes:
        a: Factor of x_s.
        variance: Variance of the noise.
    """

    a: float
    variance: float


class Posterior(NamedTuple):
    """q(x_s | x_t, x_0) = N(x_t·on_x + x_0·on_x0, variance·I).

    Attributes:
        on_x: Factor of x_t.
        on_x0: Factor of x_0.
        variance: Variance of the noise, β̃.
    """

    on_x: float
    on_x0: float
    variance: float


def transition(s: Level, t: Level) -> Kernel:
    """Return the forward kernel from s to a noisier t: a = α_t/α_s, σ²_{t|s} = σ_t² − a²σ_s².

    References:
        Kingma et al. (2021), arXiv:2107.00630, Eq. (2) and appendix A.1.
    """
    a = t.alpha / s.alpha
    return Kernel(a, max(t.sigma**2 - a**2 * s.sigma**2, 0.0))


def posterior(s: Level, t: Level) -> Posterior:
    """Return the reverse kernel given x_0, from t to a cleaner s < t.

    Its mean is (a σ_s² x_t + α_s σ²_{t|s} x_0)/σ_t², its variance β̃ = σ²_{t|s} σ_s²/σ_t².

    References:
        Ho et al. (2020), arXiv:2006.11239, Eq. (6, 7); Kingma et al. (2021), arXiv:2107.00630, Eq. (25).
    """
    a, variance = transition(s, t)
    v = t.sigma**2
    return Posterior(a * s.sigma**2 / v, s.alpha * variance / v, variance * s.sigma**2 / v)


class Schedule(Plugin):
    """Two functions of time, α_t and σ_t, in float64; the SNR never rises and t = 0 is clean: (α, σ) = (1, 0)."""

    kind: ClassVar[str] = "schedule"

    @property
    @abstractmethod
    def T(self) -> float:
        """The noisiest time."""

    @abstractmethod
    def at(self, t: float) -> Level:
        """Return the level at time t in [0, T].

        Raises:
            ValueError: t is outside [0, T].
        """

    def time_of(self, log_snr: float) -> float:
        """Return the time of a log-SNR, clipped to the schedule's range, by bisection."""
        low, high = 0.0, float(self.T)
        if log_snr <= self.at(high).log_snr:
            return high
        for _ in range(64):
            middle = (low + high) / 2
            low, high = (middle, high) if self.at(middle).log_snr > log_snr else (low, middle)
        return (low + high) / 2

    def prior_std(self) -> float:
        """Return the standard deviation of the noise that a reverse process starts from; 1 if α_T is near 0."""
        return 1.0

    def inside(self, t: float) -> float:
        """Return t, checked.

        Raises:
            ValueError: t is outside [0, T].
        """
        if not 0 <= t <= self.T:
            raise ValueError(f"t = {t:g} is outside [0, {self.T:g}]")
        return float(t)


class BetaSchedule(Schedule):
    """A variance-preserving schedule given by β_1 … β_T: ᾱ_t = Π (1 − β_i), log α linear between integers."""

    @abstractmethod
    def betas(self) -> NDArray[np.float64]:
        """Return β_1 … β_T, shape (T,), each in [0, 1]."""

    @cached_property
    def _log_alpha(self) -> NDArray[np.float64]:
        with np.errstate(divide="ignore"):
            return np.concatenate([[0.0], np.cumsum(np.log1p(-np.asarray(self.betas(), np.float64))) / 2])

    @property
    def T(self) -> float:
        return float(len(self._log_alpha) - 1)

    def at(self, t: float) -> Level:
        i, fraction = divmod(self.inside(t), 1.0)
        log_alpha = float(self._log_alpha[int(i)])
        if fraction:
            log_alpha += fraction * (float(self._log_alpha[int(i) + 1]) - log_alpha)
        return Level(t, math.exp(log_alpha), math.sqrt(-math.expm1(2 * log_alpha)))


class Spacing(Plugin):
    """A choice of the times that a reverse process visits."""

    kind: ClassVar[str] = "spacing"

    @abstractmethod
    def times(self, schedule: Schedule, steps: int, start: float) -> tuple[float, ...]:
        """Return the ``steps`` + 1 times to visit, in decreasing order; the last is 0 unless the spacing stops earlier.

        Args:
            schedule: The run's schedule.
            steps: Number of steps to take.
            start: The noisiest time, at most T.
        """


def check_schedule(schedule: Schedule) -> str | None:
    """Return the reason why a schedule cannot be used, or None.

    Reasons are T below 1, t = 0 not clean, an SNR that rises from one integer time to the next, and levels that are too
    extreme to compute with.
    """
    if not (math.isfinite(schedule.T) and schedule.T >= 1):
        return f"T must be at least 1, got {schedule.T:g}"
    clean = schedule.at(0.0)
    if (clean.alpha, clean.sigma) != (1, 0):
        return f"t = 0 must be clean data, (alpha, sigma) = (1, 0), got ({clean.alpha:g}, {clean.sigma:g})"
    previous = clean.log_snr
    for t in range(1, math.floor(schedule.T) + 1):
        level = schedule.at(float(t))
        if reason := level_error(level, schedule.T):
            return f"{reason}; {_less_extreme(schedule, level)}"
        current = level.log_snr
        if not current <= previous + 1e-12:
            return f"the signal-to-noise ratio must never rise, but does from t = {t - 1} to t = {t}"
        previous = current
    return None


def level_error(level: Level, T: float) -> str | None:
    """Return the reason why a level is too extreme to compute with, or None; only t = T may be without any signal."""
    is_pure_noise = level.alpha == 0 and level.t == T
    for name, value, low in (("alpha", level.alpha, 0.0 if is_pure_noise else _LEAST), ("sigma", level.sigma, _LEAST)):
        if level.t > 0 and not low <= value <= _MOST:
            size = "small" if value < low else "large"
            return f"at t = {level.t:g}, {name} is {value:.3g}: too {size} to compute with"
    return None


def _less_extreme(schedule: Schedule, level: Level) -> str:
    """Return a way to avoid a level that is too extreme, in terms of the schedule's own fields."""
    fields = type(schedule).model_fields
    if level.alpha < _LEAST or level.sigma > _MOST:
        smaller = [f"a smaller {name}" for name in ("beta_end", "beta_max", "sigma_max", "step_std") if name in fields]
        return f"use {' or '.join(smaller) or 'a schedule that keeps some signal until t = T'}"
    return "use a schedule with more noise in its first step"


def signal_left(schedule: Schedule) -> float:
    """Return the share of data in x_T, at unit variance: α_T/√(α_T² + σ_T²), 0 for pure noise, 1 for pure data."""
    last = schedule.at(schedule.T)
    return last.alpha / math.hypot(last.alpha, last.sigma)


def signal_warning(schedule: Schedule) -> str | None:
    """Return a warning if x_T holds too much data for a process that starts from pure noise, or None.

    The samples of such a process are off, mostly towards the data's mean.
    """
    left = signal_left(schedule)
    if left < _MAX_SIGNAL_LEFT:
        return None
    return f"at t = T = {schedule.T:g}, {100 * left:.0f} % of the data is left: {_remedy(schedule)}"


def _remedy(schedule: Schedule) -> str:
    """Return a way to end in more noise, in terms of the schedule's own fields."""
    fields = type(schedule).model_fields
    steps = ["more steps"] if "steps" in fields and {"beta_start", "step_std"} & fields.keys() else []
    larger = [name for name in ("beta_end", "beta_max", "sigma_max", "step_std") if name in fields]
    message = " or ".join([*steps, *(f"a larger {name}" for name in larger)]) or "a schedule that ends in more noise"
    return f"use {message}"
