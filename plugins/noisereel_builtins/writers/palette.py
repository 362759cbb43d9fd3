"""Palettes: a few colours that stand for all of a film, and a table that finds the nearest one fast."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import av
import numpy as np
from numpy.typing import NDArray

from noisereel.contracts.geometry import Pixels

__all__ = ["Indexer", "Palette"]

Colors = NDArray[np.float32]

_BITS = 6  # of each channel; the table has 2^18 entries, which a core's cache holds
_COARSE_BITS = 5
_GROUP = 8  # pixels compared at once: as many words of eight bytes as they have channels
_BAND = 40  # rows indexed at a time, so that the steps in between stay in the cache
_SAMPLE_PIXELS = 75_000  # of each sample frame
_ROUNDS = 2  # of k-means; later ones gain less than 0.1 dB


@dataclass(frozen=True, slots=True, eq=False)
class Palette:
    """At most 256 colours and, for every bin of the colour cube, the nearest of them.

    Attributes:
        colors: RGB, shape (k, 3), uint8.
        table: Index of the nearest colour for each of the 2^18 bins, uint8.
    """

    colors: NDArray[np.uint8]
    table: NDArray[np.uint8]

    @classmethod
    def of(cls, frames: Sequence[Pixels], size: int) -> Palette:
        """The palette that suits some frames: variance cuts (Wu), then k-means.

        Args:
            frames: RGB or RGBA; what is more than half transparent does not count.
            size: How many colours at most.

        References:
            Wu (1991), "Efficient statistical computations for optimal color quantization", Graphics Gems II.
        """
        seen = _Histogram.of(frames)
        centres = _cut(seen.colors, seen.counts, size)
        for _ in range(_ROUNDS):
            centres = _recentred(seen, centres)
        centres = centres.round()
        centres[_nearest(seen.commonest[None], centres)] = seen.commonest
        return cls(centres.astype(np.uint8), _table(seen, centres))

    def index(self, packed: NDArray[np.uint32]) -> NDArray[np.uint8]:
        """The index of the nearest colour of each packed pixel, in the same shape."""
        out = np.empty(packed.shape, np.uint8)
        for top in range(0, len(packed), _BAND):
            rows = slice(top, top + _BAND)
            np.take(self.table, _bins(packed[rows]), out=out[rows], mode="clip")
        return out


class Indexer:
    """Indexes the frames of a film one after another, and looks up only what changed since the one before."""

    def __init__(self, palette: Palette) -> None:
        self.palette = palette
        self._before = np.empty((0, 0, 0), np.uint8)
        self._index = np.empty((0, 0), np.uint8)

    def index(self, pixels: Pixels) -> NDArray[np.uint8]:
        """The index of the nearest colour of every pixel, shape (H, W); valid until the next frame.

        Args:
            pixels: A frame; it must not be changed until the next one has been indexed.
        """
        pixels = np.ascontiguousarray(pixels)
        before, self._before = self._before, pixels
        changed = _changed(pixels, before) if pixels.shape == before.shape else None
        if changed is None or 2 * len(changed) * _GROUP > self._index.size:
            self._index = self.palette.index(_packed(pixels))
        else:
            whole = self._index.size // _GROUP * _GROUP
            flat, index = pixels.reshape(-1, pixels.shape[2]), self._index.reshape(-1)
            index[:whole].reshape(-1, _GROUP)[changed] = self._looked_up(_groups(pixels)[changed])
            index[whole:] = self._looked_up(flat[whole:])
        return self._index

    def _looked_up(self, colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The index of the nearest colour, for RGB or RGBA of shape (…, 3 or 4)."""
        drop = 8 - _BITS
        bins = (colors[..., 2] >> drop).astype(np.intp)
        for channel in (1, 0):
            bins <<= _BITS
            bins |= colors[..., channel] >> drop
        return self.palette.table[bins]


def _groups(pixels: Pixels) -> NDArray[np.uint8]:
    """A frame's pixels in groups, shape (m, _GROUP, channels); what is left over at the end is not among them."""
    channels = pixels.shape[2]
    return pixels.reshape(-1)[: pixels.size // (_GROUP * channels) * _GROUP * channels].reshape(-1, _GROUP, channels)


def _changed(pixels: Pixels, before: Pixels) -> NDArray[np.intp]:
    """Which groups of pixels are not what they were: compared as words of eight bytes."""
    now, then = (_groups(each).reshape(-1).view(np.uint64).reshape(-1, pixels.shape[2]) for each in (pixels, before))
    other = now[:, 0] != then[:, 0]
    for word in range(1, now.shape[1]):
        other |= now[:, word] != then[:, word]
    return np.flatnonzero(other)


@dataclass(frozen=True, slots=True, eq=False)
class _Histogram:
    """The colours that some frames show: those bins that are not empty, and the colour that is there most."""

    bins: NDArray[np.int64]
    colors: Colors
    counts: NDArray[np.float64]
    commonest: Colors

    @classmethod
    def of(cls, frames: Sequence[Pixels]) -> _Histogram:
        packed = np.concatenate([_thinned(frame) for frame in frames])
        packed = packed if len(packed) else np.zeros(1, np.uint32)  # nothing to see: black will do
        bins = _bins(packed)
        counts = np.bincount(bins, minlength=1 << 3 * _BITS)
        full = np.flatnonzero(counts)
        sums = [np.bincount(bins, packed >> shift & 255, len(counts))[full] for shift in (0, 8, 16)]
        colors = np.stack(sums, axis=1) / counts[full, None]
        values, times = np.unique(packed[bins == counts.argmax()] & 0xFFFFFF, return_counts=True)
        commonest = int(values[times.argmax()])
        exact = [commonest >> shift & 255 for shift in (0, 8, 16)]
        return cls(full, colors.astype(np.float32), counts[full].astype(np.float64), np.array(exact, np.float32))


def _packed(pixels: Pixels) -> NDArray[np.uint32]:
    """One number a pixel, R + 2⁸G + 2¹⁶B + 2²⁴A, shape (H, W)."""
    pixels = np.ascontiguousarray(pixels)
    if pixels.shape[2] == 4:
        return pixels.view(np.uint32)[..., 0]
    frame = av.VideoFrame.from_numpy_buffer(pixels, format="rgb24").reformat(format="rgba")
    return np.frombuffer(memoryview(frame.planes[0]), np.uint32).reshape(frame.height, -1)[:, : frame.width]


def _thinned(frame: Pixels) -> NDArray[np.uint32]:
    """Opaque pixels of a grid laid over a frame, shape (m,)."""
    step = math.ceil(math.sqrt(frame.shape[0] * frame.shape[1] / _SAMPLE_PIXELS))
    packed = _packed(frame[::step, ::step])
    return packed[packed >= 1 << 31]


def _bins(packed: NDArray[np.uint32]) -> NDArray[np.intp]:
    """The bin of each colour: the leading bits of B, G and R side by side."""
    mask = (1 << _BITS) - 1
    bins = packed >> (8 - _BITS)
    bins &= mask
    for channel in (1, 2):
        shift = channel * _BITS
        bits = packed >> (8 * (channel + 1) - _BITS - shift)
        bits &= mask << shift
        bins |= bits
    return bins.astype(np.intp)


def _cut(colors: Colors, counts: NDArray[np.float64], size: int) -> Colors:
    """Cut the box that errs most in two, at the mean of the channel that varies most, until there are ``size``."""
    boxes = [_box(colors, counts, np.arange(len(colors)), 0)]
    for number in range(1, 2 * min(size, len(colors)) - 1, 2):
        _, _, members, channel, mean = heapq.heappop(boxes)
        below = colors[members, channel] <= mean[channel]
        heapq.heappush(boxes, _box(colors, counts, members[below], number))
        heapq.heappush(boxes, _box(colors, counts, members[~below], number + 1))
    return np.array([box[4] for box in boxes], np.float32)


_Box = tuple[float, int, NDArray[np.int64], int, NDArray[np.float64]]


def _box(colors: Colors, counts: NDArray[np.float64], members: NDArray[np.int64], number: int) -> _Box:
    """(−squared error, a number that breaks ties, members, the channel that varies most, mean)."""
    weights, inside = counts[members], colors[members]
    mean = weights @ inside / weights.sum()
    errors = weights @ (inside - mean) ** 2
    return -errors.sum(), number, members, int(errors.argmax()), mean


def _recentred(seen: _Histogram, centres: Colors) -> Colors:
    """One round of k-means: each centre moves to the mean of the colours nearest to it."""
    owner = _nearest(seen.colors, centres)
    weight = np.bincount(owner, seen.counts, len(centres))
    sums = [np.bincount(owner, seen.counts * seen.colors[:, c], len(centres)) for c in range(3)]
    means = np.stack(sums, axis=1) / np.maximum(weight, 1)[:, None]
    return np.where(weight[:, None] > 0, means, centres).astype(np.float32)


def _nearest(colors: Colors, centres: Colors) -> NDArray[np.uint8]:
    """Index of the centre nearest to each colour: the least ½|c|² − x·c, as a product with (c, ½|c|²)."""
    sides = np.column_stack([-centres, (centres**2).sum(axis=1) / 2]).astype(np.float32)
    points = np.column_stack([colors, np.ones(len(colors), np.float32)])
    parts = [(points[rows] @ sides.T).argmin(axis=1) for rows in _chunks(len(points))]
    return np.concatenate(parts).astype(np.uint8)


def _chunks(count: int) -> Iterator[slice]:
    rows = 256  # a product so small stays on one thread; waiting for others costs up to ten times the product
    return (slice(begin, begin + rows) for begin in range(0, count, rows))


def _table(seen: _Histogram, centres: Colors) -> NDArray[np.uint8]:
    """The nearest centre of each bin, from the means of the bins seen; the others share their coarse bin's."""
    side, times = 1 << _COARSE_BITS, 1 << (_BITS - _COARSE_BITS)
    level = (np.arange(side, dtype=np.float32) + 0.5) * (256 / side) - 0.5
    blue, green, red = np.meshgrid(level, level, level, indexing="ij")
    coarse = _nearest(np.stack([red, green, blue], axis=-1).reshape(-1, 3), centres).reshape(side, side, side)
    table = coarse.repeat(times, axis=0).repeat(times, axis=1).repeat(times, axis=2).reshape(-1)
    table[seen.bins] = _nearest(seen.colors, centres)
    return table
