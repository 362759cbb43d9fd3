"""Ticks: round numbers along an axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..support.numbers import number_text

__all__ = ["Ticks", "candidates", "ticks"]

_STEPS = (1.0, 2.0, 2.5, 5.0)


@dataclass(frozen=True, slots=True)
class Ticks:
    """Labelled positions along an axis.

    Attributes:
        values: Positions within the limits, ascending.
        labels: Text at the positions, all with the same number of decimals.
    """

    values: tuple[float, ...]
    labels: tuple[str, ...]


def candidates(low: float, high: float) -> Sequence[Ticks]:
    """Return all ways to label an axis at 3–5 round numbers, the best first; there is always one.

    Labels at both ends come before others, few decimals before many, many labels before few.

    Args:
        low: One end of the axis.
        high: The other end.
    """
    low, high = min(low, high), max(low, high)
    decade = math.floor(math.log10(high - low))
    steps = [(mantissa, exponent) for exponent in (decade - 1, decade) for mantissa in _STEPS]
    options = [_multiples(low, high, mantissa, exponent) for mantissa, exponent in steps]
    return sorted((o for o in options if 3 <= len(o.values) <= 5), key=lambda o: _merit(o, low, high), reverse=True)


def ticks(low: float, high: float, fits: Callable[[Ticks], bool] = lambda _: True) -> Ticks:
    """Return the best 3–5 ticks that fit, else the first and last of an option that fit, else one.

    Args:
        low: One end of the axis.
        high: The other end.
        fits: Returns whether the labels have enough room.
    """
    options = candidates(low, high)
    best = options[0]
    sparser = [_pick(o, slice(None, None, len(o.values) - 1)) for o in options]
    return next((o for o in (*options, *sparser) if fits(o)), _pick(best, slice(0, 1)))


def _multiples(low: float, high: float, mantissa: float, exponent: int) -> Ticks:
    step = mantissa * 10.0**exponent
    slack = 1e-9 * (high - low)
    counts = range(math.ceil((low - slack) / step), math.floor((high + slack) / step) + 1)
    if len(counts) > 6:
        return Ticks((), ())
    digits = -exponent + (mantissa == 2.5)
    values = tuple(min(max(k * step, low), high) for k in counts)
    return Ticks(values, tuple(_label(k * step, digits) for k in counts))


def _merit(option: Ticks, low: float, high: float) -> tuple[bool, int, int]:
    slack = 1e-6 * (high - low)
    ends = option.values[0] - low < slack and high - option.values[-1] < slack
    decimals = len(option.labels[0].partition(".")[2])
    return ends, -decimals, len(option.values)


def _pick(option: Ticks, which: slice) -> Ticks:
    return Ticks(option.values[which], option.labels[which])


def _label(value: float, digits: int) -> str:
    """Return a number as text: a true minus sign, commas from 10,000, powers of ten instead of many zeros.

    Args:
        value: The number.
        digits: Position of its last digit after the decimal point; before it if negative.
    """
    order = math.floor(math.log10(abs(value))) if value else 0
    if (digits > 4 and order < -3) or (digits <= -4 and order >= 6):
        return _scientific(value, order, digits)
    places = max(0, digits) if value or digits <= 4 else 0
    return number_text(value, f"{',' if abs(value) >= 10_000 else ''}.{places}f")


def _scientific(value: float, order: int, digits: int) -> str:
    mantissa = number_text(value / 10.0**order, f".{order + digits}f")
    power = str(order).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa}×10{power}"
