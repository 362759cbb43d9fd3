"""Axis labels: tick labels and axis names of a graph, and the room they need."""

from __future__ import annotations

from itertools import pairwise

from ..contracts.geometry import Range
from ..support.typeset import SANS, measure, rise
from .plan import PanelPlan
from .ticks import Ticks, candidates, ticks

__all__ = ["LABEL_GAP", "LABEL_SIZE", "LINE", "footer", "gutter", "lowest", "overhang", "x_ticks", "y_ticks"]

LABEL_SIZE = 10.5
"""Type size in points."""

LABEL_GAP = 8.5
"""Distance from an axis to its tick labels, in design pixels (like all lengths below)."""

LINE = 18.0
"""Distance from the baseline of the tick labels down to the x label's."""


def x_ticks(limits: Range, length: float, family: str = SANS) -> Ticks:
    """Return the ticks of a horizontal axis, with labels at least 14 design pixels apart.

    Args:
        limits: Limits of the axis.
        length: Length of the axis in design pixels.
        family: Font family.
    """
    unit = length / abs(limits[1] - limits[0])

    def fits(option: Ticks) -> bool:
        widths = [measure(label, LABEL_SIZE, family=family).width for label in option.labels]
        spans = zip(pairwise(option.values), pairwise(widths), strict=True)
        return all((right - left) * unit - (a + b) / 2 >= 14 for (left, right), (a, b) in spans)

    return ticks(*limits, fits)


def y_ticks(limits: Range, length: float) -> Ticks:
    """Return the ticks of a vertical axis, with labels at least 26 design pixels apart from centre to centre.

    Args:
        limits: Limits of the axis.
        length: Length of the axis in design pixels.
    """
    unit = length / abs(limits[1] - limits[0])
    return ticks(*limits, lambda option: all((b - a) * unit >= 26 for a, b in pairwise(option.values)))


def footer(plan: PanelPlan) -> float:
    """Return the room for labels below the data."""
    if not plan.has_axes and not plan.x_label:
        return 0.0
    descent = 0.0 if plan.has_axes else measure(plan.x_label, LABEL_SIZE).descent
    return lowest(plan) + max(2.0, descent)


def lowest(plan: PanelPlan) -> float:
    """Return the distance from the data down to the lowest baseline of its labels: the x label's, if there is one."""
    if not plan.has_axes:
        return LABEL_GAP + rise(plan.x_label, LABEL_SIZE)
    return LABEL_GAP + rise("0", LABEL_SIZE) + (LINE if plan.x_label else 0.0)


def gutter(plan: PanelPlan, height: float, family: str) -> float:
    """Return the room for labels left of data of this height."""
    if not plan.has_axes:
        return 0.0
    y_width = max(measure(label, LABEL_SIZE, family=family).width for label in y_ticks(plan.y, height).labels)
    x_width = max(measure(option.labels[0], LABEL_SIZE, family=family).width for option in candidates(*plan.x))
    return max(y_width + LABEL_GAP, x_width / 2)


def overhang(plan: PanelPlan, width: float, family: str) -> float:
    """Return how far the last label below an axis of at least this width may extend past its right end."""
    if not plan.has_axes:
        return 0.0
    low, high = sorted(plan.x)
    unit = width / (high - low)
    return max(0.0, *(_half_width(o.labels[-1], family) - (high - o.values[-1]) * unit for o in candidates(low, high)))


def _half_width(label: str, family: str) -> float:
    return measure(label, LABEL_SIZE, family=family).width / 2
