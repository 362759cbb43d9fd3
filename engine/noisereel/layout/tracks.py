"""Rows and columns of a grid: how a length is shared out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Track", "share"]


@dataclass(frozen=True, slots=True)
class Track:
    """A row or column of a grid, in pixels.

    Attributes:
        start: Where it begins, with what stands before the data: a title, a gutter of labels.
        low: Where the data begin.
        high: Where the data end.
        end: Where what follows the data ends.
    """

    start: float
    low: float
    high: float
    end: float

    @property
    def size(self) -> float:
        """Room for data."""
        return self.high - self.low


def share(
    span: tuple[float, float],
    weights: Sequence[float],
    before: Sequence[float],
    after: Sequence[float],
    gap: float,
    at_most: Sequence[float] | None = None,
) -> tuple[Track, ...]:
    """Tracks whose data rooms are in proportion to weights; where some want less, they stand together in the middle.

    Args:
        span: Where the first may begin, and where the last ends at most.
        weights: Relative data rooms.
        before: Room before the data of each.
        after: Room after the data of each.
        gap: Room between tracks.
        at_most: Largest data room that each can use, or None.
    """
    begin, end = span
    free = end - begin - gap * (len(weights) - 1) - sum(before) - sum(after)
    sizes = [free * weight / sum(weights) for weight in weights]
    if at_most is not None:
        sizes = [min(size, most) for size, most in zip(sizes, at_most, strict=True)]
        begin += (free - sum(sizes)) / 2
    tracks = []
    for size, lead, trail in zip(sizes, before, after, strict=True):
        tracks.append(Track(begin, begin + lead, begin + lead + size, begin + lead + size + trail))
        begin = tracks[-1].end + gap
    return tuple(tracks)
