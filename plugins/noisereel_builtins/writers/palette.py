"""Palettes: a few colours that represent a film, and a table for fast look-up of the nearest one."""

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

_BITS = 6  # per channel; the table has 2^18 entries, which fit into a core's cache
_COARSE_BITS = 5
_GROUP = 8  # pixels compared at once: one 8-byte word per channel
_BAND = 40  # rows indexed at a time, so that intermediate results stay in the cache
_SAMPLE_PIXELS = 75_000  # per sample frame
_ROUNDS = 2  # of k-means; more gain less than 0.1 dB


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
        """Compute the palette for some frames: variance cuts (Wu), then k-means.

        Args:
            frames: RGB or RGBA; pixels that are more than half transparent do not count.
            size: Maximum number of colours.

        References:
            Wu (1991), "Efficient statistical computations for optimal color quantization", Graphics Gems II.
        """
        histogram = _Histogram.of(frames)
        centres = _cut(histogram.colors, histogram.counts, size)
        for _ in range(_ROUNDS):
            centres = _recentre(histogram, centres)
        centres = centres.round()
        centres[_nearest(histogram.most_common[None], centres)] = histogram.most_common
        return cls(centres.astype(np.uint8), _table(histogram, centres))

    def index(self, packed: NDArray[np.uint32]) -> NDArray[np.uint8]:
        """Return the index of the nearest colour of each packed pixel, in the same shape."""
        out = np.empty(packed.shape, np.uint8)
        for top in range(0, len(packed), _BAND):
            rows = slice(top, top + _BAND)
            np.take(self.table, _bins(packed[rows]), out=out[rows], mode="clip")
        return out


class Indexer:
    """Indexes the frames of a film in order, and looks up only what changed since the previous frame."""

    def __init__(self, palette: Palette) -> None:
        self.palette = palette
        self._previous = np.empty((0, 0, 0), np.uint8)
        self._index = np.empty((0, 0), np.uint8)

    def index(self, pixels: Pixels) -> NDArray[np.uint8]:
        """Return the index of the nearest colour of every pixel, shape (H, W); valid until the next frame.

        Args:
            pixels: A frame; it must not be changed until the next one has been indexed.
        """
        pixels = np.ascontiguousarray(pixels)
        previous, self._previous = self._previous, pixels
        changed = _changed(pixels, previous) if pixels.shape == previous.shape else None
        if changed is None or 2 * len(changed) * _GROUP > self._index.size:
            self._index = self.palette.index(_packed(pixels))
        else:
            grouped = self._index.size // _GROUP * _GROUP
            flat, index = pixels.reshape(-1, pixels.shape[2]), self._index.reshape(-1)
            index[:grouped].reshape(-1, _GROUP)[changed] = self._look_up(_groups(pixels)[changed])
            index[grouped:] = self._look_up(flat[grouped:])
        return self._index

    def _look_up(self, colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the index of the nearest colour, for RGB or RGBA of shape (…, 3 or 4)."""
        drop = 8 - _BITS
        bins = (colors[..., 2] >> drop).astype(np.intp)
        for channel in (1, 0):
            bins <<= _BITS
            bins |= colors[..., channel] >> drop
        return self.palette.table[bins]


def _groups(pixels: Pixels) -> NDArray[np.uint8]:
    """Return a frame's pixels in groups, shape (m, _GROUP, channels), without the remainder at the end."""
    channels = pixels.shape[2]
    return pixels.reshape(-1)[: pixels.size // (_GROUP * channels) * _GROUP * channels].reshape(-1, _GROUP, channels)


def _changed(pixels: Pixels, previous: Pixels) -> NDArray[np.intp]:
    """Return the indices of the groups of pixels that differ from the previous frame, compared as 8-byte words."""
    new, old = (_groups(frame).reshape(-1).view(np.uint64).reshape(-1, pixels.shape[2]) for frame in (pixels, previous))
    differs = new[:, 0] != old[:, 0]
    for word in range(1, new.shape[1]):
        differs |= new[:, word] != old[:, word]
    return np.flatnonzero(differs)


@dataclass(frozen=True, slots=True, eq=False)
class _Histogram:
    """The colours of some frames: the non-empty bins, and the most common colour."""

    bins: NDArray[np.int64]
    colors: Colors
    counts: NDArray[np.float64]
    most_common: Colors

    @classmethod
    def of(cls, frames: Sequence[Pixels]) -> _Histogram:
        packed = np.concatenate([_subsample(frame) for frame in frames])
        packed = packed if len(packed) else np.zeros(1, np.uint32)  # no visible pixel: use black
        bins = _bins(packed)
        counts = np.bincount(bins, minlength=1 << 3 * _BITS)
        occupied = np.flatnonzero(counts)
        sums = [np.bincount(bins, packed >> shift & 255, len(counts))[occupied] for shift in (0, 8, 16)]
        colors = np.stack(sums, axis=1) / counts[occupied, None]
        values, frequencies = np.unique(packed[bins == counts.argmax()] & 0xFFFFFF, return_counts=True)
        most_common = int(values[frequencies.argmax()])
        rgb = np.array([most_common >> shift & 255 for shift in (0, 8, 16)], np.float32)
        return cls(occupied, colors.astype(np.float32), counts[occupied].astype(np.float64), rgb)


def _packed(pixels: Pixels) -> NDArray[np.uint32]:
    """Return one number per pixel, R + 2⁸G + 2¹⁶B + 2²⁴A, shape (H, W)."""
    pixels = np.ascontiguousarray(pixels)
    if pixels.shape[2] == 4:
        return pixels.view(np.uint32)[..., 0]
    frame = av.VideoFrame.from_numpy_buffer(pixels, format="rgb24").reformat(format="rgba")
    return np.frombuffer(memoryview(frame.planes[0]), np.uint32).reshape(frame.height, -1)[:, : frame.width]


def _subsample(frame: Pixels) -> NDArray[np.uint32]:
    """Return the opaque pixels on a grid over a frame, shape (m,)."""
    step = math.ceil(math.sqrt(frame.shape[0] * frame.shape[1] / _SAMPLE_PIXELS))
    packed = _packed(frame[::step, ::step])
    return packed[packed >= 1 << 31]


def _bins(packed: NDArray[np.uint32]) -> NDArray[np.intp]:
    """Return the bin of each colour: the leading bits of B, G and R, concatenated."""
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
    """Split the box of largest error at the mean of its most varied channel, up to ``size``; return the means."""
    boxes = [_box(colors, counts, np.arange(len(colors)), 0)]
    for serial in range(1, 2 * min(size, len(colors)) - 1, 2):
        _, _, members, channel, mean = heapq.heappop(boxes)
        below = colors[members, channel] <= mean[channel]
        heapq.heappush(boxes, _box(colors, counts, members[below], serial))
        heapq.heappush(boxes, _box(colors, counts, members[~below], serial + 1))
    return np.array([box[4] for box in boxes], np.float32)


_Box = tuple[float, int, NDArray[np.int64], int, NDArray[np.float64]]


def _box(colors: Colors, counts: NDArray[np.float64], members: NDArray[np.int64], serial: int) -> _Box:
    """Return (−squared error, serial number to break ties, members, most varied channel, mean)."""
    weights, values = counts[members], colors[members]
    mean = weights @ values / weights.sum()
    errors = weights @ (values - mean) ** 2
    return -errors.sum(), serial, members, int(errors.argmax()), mean


def _recentre(histogram: _Histogram, centres: Colors) -> Colors:
    """Do one round of k-means: each centre moves to the mean of the colours nearest to it."""
    owner, counts = _nearest(histogram.colors, centres), histogram.counts
    weight = np.bincount(owner, counts, len(centres))
    sums = [np.bincount(owner, counts * histogram.colors[:, c], len(centres)) for c in range(3)]
    means = np.stack(sums, axis=1) / np.maximum(weight, 1)[:, None]
    return np.where(weight[:, None] > 0, means, centres).astype(np.float32)


def _nearest(colors: Colors, centres: Colors) -> NDArray[np.uint8]:
    """Return the index of the centre nearest to each colour: the least ½|c|² − x·c, as a product with (c, ½|c|²)."""
    sides = np.column_stack([-centres, (centres**2).sum(axis=1) / 2]).astype(np.float32)
    points = np.column_stack([colors, np.ones(len(colors), np.float32)])
    parts = [(points[rows] @ sides.T).argmin(axis=1) for rows in _chunks(len(points))]
    return np.concatenate(parts).astype(np.uint8)


def _chunks(count: int) -> Iterator[slice]:
    rows = 256  # small enough that a product stays on one thread; waiting for others costs up to ten times as much
    return (slice(start, start + rows) for start in range(0, count, rows))


def _table(histogram: _Histogram, centres: Colors) -> NDArray[np.uint8]:
    """Return the nearest centre of each bin: to its mean colour if occupied, otherwise to its coarse bin's middle."""
    side, repeats = 1 << _COARSE_BITS, 1 << (_BITS - _COARSE_BITS)
    level = (np.arange(side, dtype=np.float32) + 0.5) * (256 / side) - 0.5
    blue, green, red = np.meshgrid(level, level, level, indexing="ij")
    coarse = _nearest(np.stack([red, green, blue], axis=-1).reshape(-1, 3), centres).reshape(side, side, side)
    table = coarse.repeat(repeats, axis=0).repeat(repeats, axis=1).repeat(repeats, axis=2).reshape(-1)
    table[histogram.bins] = _nearest(histogram.colors, centres)
    return table
