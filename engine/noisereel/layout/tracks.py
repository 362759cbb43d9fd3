"""Tracks: rows and columns of a grid, which share a length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Track", "share"]


@dataclass(frozen=True, slots=True)
class Track:
    """A row or column of a grid, in pixels.

    Attributes:
        start: Its beginning, with the room before the data (a title, a gutter of labels).
        low: Beginning of the data.
        high: End of the data.
        end: Its end, with the room after the data.
    """

    start: float
    low: float
    high: float
    end: float

    @property
    def size(self) -> float:
        """Length of the data."""
        return self.high - self.low


def share(
    span: tuple[float, float],
    weights: Sequence[float],
    before: Sequence[float],
    after: Sequence[float],
    gap: float,
    at_most: Sequence[float] | None = None,
) -> tuple[Track, ...]:
    """Return tracks whose data share a length in proportion to weights.

    Tracks that cannot use their share leave free space, and all tracks are centred in it together.

    Args:
        span: (begin, end) of the length.
        weights: Relative sizes of the data.
        before: Room before the data of each track.
        after: Room after the data of each track.
        gap: Room between tracks.
        at_most: Largest size of each track's data; no limit if None.
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
