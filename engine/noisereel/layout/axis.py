"""The labels of a graph's axes, and the room that they need."""

from __future__ import annotations

from itertools import pairwise

from ..contracts.geometry import Range
from ..support.typeset import SANS, measure, rise
from .plan import PanelPlan
from .ticks import Ticks, candidates, ticks

__all__ = ["LABEL_GAP", "LABEL_SIZE", "LINE", "footer", "gutter", "overhang", "x_ticks", "y_ticks"]

LABEL_SIZE = 10.5
"""Type size in points."""

LABEL_GAP = 8.5
"""From an axis to its labels, in design pixels, as all below."""

LINE = 18.0
"""From tick labels down to the axis' name."""


def x_ticks(limits: Range, length: float, family: str = SANS) -> Ticks:
    """Labels below an axis, at least 14 design pixels apart.

    Args:
        limits: The axis' limits.
        length: The axis' length in design pixels.
        family: Of their type.
    """
    unit = length / abs(limits[1] - limits[0])

    def fits(option: Ticks) -> bool:
        widths = [measure(label, LABEL_SIZE, family=family).width for label in option.labels]
        spans = zip(pairwise(option.values), pairwise(widths), strict=True)
        return all((right - left) * unit - (a + b) / 2 >= 14 for (left, right), (a, b) in spans)

    return ticks(*limits, fits)


def y_ticks(limits: Range, length: float) -> Ticks:
    """Labels beside an axis, at least 26 design pixels from middle to middle.

    Args:
        limits: The axis' limits.
        length: The axis' length in design pixels.
    """
    unit = length / abs(limits[1] - limits[0])
    return ticks(*limits, lambda option: all((b - a) * unit >= 26 for a, b in pairwise(option.values)))


def footer(plan: PanelPlan) -> float:
    """Room below the data for labels."""
    if not plan.has_axes:
        return 0.0
    return LABEL_GAP + rise("0", LABEL_SIZE) + (LINE if plan.x_label else 0.0) + 2


def gutter(plan: PanelPlan, height: float, family: str) -> float:
    """Room left of data so high."""
    if not plan.has_axes:
        return 0.0
    beside = max(measure(label, LABEL_SIZE, family=family).width for label in y_ticks(plan.y, height).labels)
    below = max(measure(option.labels[0], LABEL_SIZE, family=family).width for option in candidates(*plan.x))
    return max(beside + LABEL_GAP, below / 2)


def overhang(plan: PanelPlan, width: float, family: str) -> float:
    """How far the last label below an axis at least so wide may reach to the right of it."""
    if not plan.has_axes:
        return 0.0
    low, high = sorted(plan.x)
    unit = width / (high - low)
    return max(0.0, *(_half(o.labels[-1], family) - (high - o.values[-1]) * unit for o in candidates(low, high)))


def _half(label: str, family: str) -> float:
    return measure(label, LABEL_SIZE, family=family).width / 2
