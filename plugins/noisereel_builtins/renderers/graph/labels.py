"""Direct labels: names next to their lines and values next to their dots, placed where they cover nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise, product
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from noisereel.contracts import marks
from noisereel.contracts.geometry import View
from noisereel.support.typeset import DPI, measure

__all__ = ["Line", "apart", "beside", "value_label"]

SIZE, VALUE_SIZE = 12.0, 12.5
"""Type sizes in points at 720 lines."""
GAP = 7.0
"""Design pixels between a label's corner and its line."""
ENOUGH = 60.0
"""Design pixels beyond which more distance from other lines does not count."""
BEST, PULL = 0.6, 20.0
"""Preferred position of a name along its line, in [0, 1], and the design pixels that a deviation of 1 costs."""
DOT = (12.0, 18.0)
"""Design pixels from a dot to its value: across to the text's left end, and up or down to its middle."""
FAR = 80.0
"""Design pixels beyond which a value no longer seems to belong to its dot."""
LEADING = 1.3
"""Distance from one value to the one above, in type sizes."""

Across = Literal["left", "right"]
Up = Literal["bottom", "top"]
CORNERS: tuple[tuple[Across, Up], ...] = (("left", "bottom"), ("left", "top"), ("right", "bottom"), ("right", "top"))


class Line(NamedTuple):
    """A line to label.

    Attributes:
        xy: Its points in data coordinates, shape (m, 2).
        name: Text of the label.
        color: Colour of the label.
    """

    xy: NDArray[np.floating]
    name: str
    color: str


class _Place(NamedTuple):
    at: float
    anchor: NDArray[np.floating]
    align: tuple[Across, Up]
    box: NDArray[np.floating]


def beside(lines: Sequence[Line], view: View) -> Iterable[marks.Text]:
    """Yield a label for each line, at a place that is clear of its own line and far from the others."""
    curves = [_pixels(line.xy, view) for line in lines]
    taken: list[NDArray[np.floating]] = []
    for own, line in enumerate(lines):
        others = np.concatenate([np.empty((0, 2)), *(c for i, c in enumerate(curves) if i != own), *taken])
        place = max(_places(curves[own], line.name, view), key=lambda p: _score(p, curves[own], others, view))
        taken.append(_points_over(place.box))
        offset = (GAP if place.align[0] == "left" else -GAP, GAP if place.align[1] == "bottom" else -GAP)
        anchor = (float(place.anchor[0]), float(place.anchor[1]))
        yield marks.Text(anchor, line.name, line.color, SIZE, anchor=place.align, offset=offset)


def _places(curve: NDArray[np.floating], name: str, view: View) -> Iterable[_Place]:
    """Yield places for a label: each of its corners at points along the line."""
    text = measure(name, SIZE)
    width, height = text.width, text.ascent + text.descent
    unit = np.array([view.x[1] - view.x[0], view.y[1] - view.y[0]]) / _size(view)
    for at, (across, up) in product(np.linspace(0.1, 0.9, 33), CORNERS):
        corner = curve[round(at * (len(curve) - 1))]
        left = corner[0] + GAP if across == "left" else corner[0] - GAP - width
        low = corner[1] + GAP if up == "bottom" else corner[1] - GAP - height
        box = np.array([[left, low], [left + width, low + height]])
        yield _Place(at, corner * unit + [view.x[0], view.y[0]], (across, up), box)


def _score(place: _Place, own: NDArray[np.floating], others: NDArray[np.floating], view: View) -> float:
    """Return a place's score: the distance from other lines, up to `ENOUGH`; negative if the label covers anything."""
    low, high = place.box
    if (low < 0).any() or (high > _size(view)).any():
        return -200.0
    distance = _distance(place.box, others) if len(others) else ENOUGH
    if distance < GAP or _distance(place.box, own) < GAP / 2:
        return -100.0
    return min(ENOUGH, distance) - PULL * abs(place.at - BEST)


def _distance(box: NDArray[np.floating], points: NDArray[np.floating]) -> float:
    outside = np.maximum(np.maximum(box[0] - points, points - box[1]), 0)
    return float(np.hypot(outside[:, 0], outside[:, 1]).min())


def _points_over(box: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return points all over a box, which keep other labels away from it."""
    (left, low), (right, high) = box
    across, up = np.meshgrid(np.linspace(left, right, 9), np.linspace(low, high, 3))
    return np.stack([across.ravel(), up.ravel()], axis=1)


def value_label(text: str, dot: NDArray[np.floating], line: NDArray[np.floating], color: str, view: View) -> marks.Text:
    """Return the label of a line's present value, right of a dot on it: below a rising line, above a falling one.

    It goes to the other side if there is no space. If a steep line would push it far from its dot, it is placed at the
    dot's own height, over the line if necessary.

    Args:
        text: The label.
        dot: Position of the dot, shape (2,).
        line: The whole line, shape (m, 2).
        color: Colour of the label.
        view: The panel's limits and pixels.
    """
    extent = measure(text, VALUE_SIZE, True)
    curve, (x, y) = _pixels(line, view), _pixels(dot[None], view)[0]
    left = min(x + DOT[0], _size(view)[0] - extent.width)
    in_order = curve[np.argsort(curve[:, 0], kind="stable")]
    near = np.interp(np.linspace(left - GAP, left + extent.width + GAP, 16), in_order[:, 0], in_order[:, 1])
    half_height = (extent.ascent + extent.descent) / 2
    clearance = GAP + half_height
    below, above = min(-DOT[1], near.min() - y - clearance), max(DOT[1], near.max() - y + clearance)
    preferred, fallback = (below, above) if in_order[-1, 1] >= in_order[0, 1] else (above, below)
    shift = preferred if half_height <= y + preferred <= _size(view)[1] - half_height else fallback
    shift = shift if abs(shift) <= FAR else 0.0
    return marks.Text(
        (float(dot[0]), float(dot[1])),
        text,
        color,
        VALUE_SIZE,
        True,
        ("left", "center"),
        (float(left - x), float(shift)),
    )


def apart(labels: Sequence[marks.Text], view: View) -> Iterable[marks.Text]:
    """Yield the value labels, moved farther up or down from their dots where necessary so that none overlap."""
    spacing, top = LEADING * VALUE_SIZE * DPI / 72, _size(view)[1]
    heights = np.array([_pixels(np.array([label.xy]), view)[0, 1] + label.offset[1] for label in labels])
    moved = heights.copy()
    for sign in (-1, 1):  # labels on the same side of their dots first, away from the dots
        side = [i for i in np.argsort(sign * heights, kind="stable") if sign * labels[i].offset[1] > 0]
        for before, i in pairwise(side):
            moved[i] = sign * max(sign * moved[i], sign * moved[before] + spacing)
    order, rows = np.argsort(moved, kind="stable"), spacing * np.arange(len(labels))
    moved[order] = np.clip(_isotonic(moved[order] - rows), spacing / 2, top - spacing / 2 - rows[-1:]) + rows
    for label, shift in zip(labels, moved - heights, strict=True):
        yield replace(label, offset=(label.offset[0], float(label.offset[1] + shift)))


def _isotonic(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the closest non-decreasing values by least squares: stretches that decrease are averaged."""
    runs: list[list[float]] = []
    for value in values.tolist():
        runs.append([value])
        while len(runs) > 1 and np.mean(runs[-2]) > np.mean(runs[-1]):
            last = runs.pop()
            runs[-1] += last
    return np.array([np.mean(run) for run in runs for _ in run])


def _size(view: View) -> NDArray[np.floating]:
    """Return the width and height of the panel in design pixels."""
    return np.array([view.rect.width, view.rect.height]) / view.scale


def _pixels(xy: NDArray[np.floating], view: View) -> NDArray[np.floating]:
    """Return the finite positions in design pixels right of and above the panel's lower left corner."""
    span = np.array([view.x[1] - view.x[0], view.y[1] - view.y[0]])
    return np.asarray(((xy - [view.x[0], view.y[0]]) / span * _size(view))[np.isfinite(xy).all(axis=1)])
