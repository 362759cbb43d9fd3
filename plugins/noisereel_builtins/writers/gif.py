"""GIF: plays everywhere; 256 colours, delays in hundredths of a second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import BinaryIO

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from noisereel.contracts.geometry import Pixels
from noisereel.contracts.writer import Frame, Sink, Writer, WriterContext

from .comment import to_comment
from .palette import Indexer, Palette

__all__ = ["Gif"]

_SAMPLES = 8  # frames that the palette is computed from
_CLEAR = 255  # index of the transparent colour; also marks pixels unchanged since the previous frame
_FAINT = 16  # of 255: opacity below which a pixel is dropped, being hardly visible
_LONGEST = 65_535  # hundredths of a second that one frame can last
_EVEN = Fraction(1, 100)  # tolerance, of a hundredth of a second: 33⅓ is written as 33.3
_RATES = 50, 100 / 3, 25, 20, 12.5, 10, 6.25, 5, 4, 2.5, 2, 1.25, 1
_HEADER = 6 + 7 + 3 * 256  # signature, screen descriptor, palette
_LOOP_FOREVER = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
_TRAILER = b"\x3b"


class Gif(Writer):
    """Animated GIF with one palette for the whole film; stores only the changes between frames.

    GIF has 1-bit alpha: near-transparent pixels are dropped, the rest is composited over the theme's background.
    """

    @contextmanager
    def open(self, ctx: WriterContext) -> Iterator[Sink]:
        """Start a file; the palette is computed from ``ctx.sample``, or from the first frame if it returns none."""
        samples = [_solid(pixels, ctx.background) for pixels in ctx.sample(_SAMPLES)]
        with ctx.path.open("wb") as file:
            yield _Sink(file, ctx, Palette.of(samples, _CLEAR) if samples else None)
            file.write(_TRAILER)

    def rate_warning(self, fps: Fraction) -> str | None:
        """Return a warning if frames are shorter than browsers show or not whole hundredths of a second, else None."""
        if fps > 50:
            return f"GIF cannot play faster than 50 fps, and this is {float(fps):g}: use 25, 33.3 or 50"
        delay = 100 / fps
        if abs(delay - round(delay)) < _EVEN:
            return None
        return f"GIF cannot play {float(fps):g} fps evenly: use {_nearest_rates(fps)}"


def _nearest_rates(fps: Fraction) -> str:
    """Return the nearest rates that GIF plays evenly, as one would write them."""
    faster = [rate for rate in _RATES if rate > fps][-1]
    slower = next((rate for rate in _RATES if rate < fps), None)
    return " or ".join(f"{rate:.3g}" for rate in (faster, slower) if rate is not None)


class _Sink:
    """Encodes frames and writes the packets as a GIF file with exact delays, which a muxer would round or clip."""

    def __init__(self, file: BinaryIO, ctx: WriterContext, palette: Palette | None) -> None:
        self._file, self._ctx = file, ctx
        self._indexer = None if palette is None else Indexer(palette)
        self._encoder = _encoder(ctx.size)
        self._elapsed, self._shown, self._packets = Fraction(0), 0, 0

    def write(self, frame: Frame) -> None:
        delay = self._delay(frame.duration)
        while delay > 0:
            self._encode(_solid(frame.content, self._ctx.background), min(delay, _LONGEST))
            delay -= _LONGEST

    def _delay(self, duration: Fraction) -> int:
        """Return the hundredths of a second until this frame's rounded end; 0 drops it. A film lasts at least one."""
        self._elapsed += duration
        end = max(1, round(self._elapsed * 100))
        delay, self._shown = end - self._shown, end
        return delay

    def _encode(self, pixels: Pixels, delay: int) -> None:
        self._indexer = self._indexer or Indexer(Palette.of([pixels], _CLEAR))
        frame = _indexed_frame(pixels, self._indexer)
        frame.pts = self._packets
        for packet in map(bytes, self._encoder.encode(frame)):
            if self._packets == 0:
                self._file.write(packet[:_HEADER] + self._extensions())
                packet = packet[_HEADER:]
            self._file.write(packet[:4] + delay.to_bytes(2, "little") + packet[6:])
            self._packets += 1

    def _extensions(self) -> bytes:
        loop = _LOOP_FOREVER if self._ctx.loop else b""
        return loop + (_comment(to_comment(self._ctx.metadata)) if self._ctx.metadata else b"")


def _encoder(size: tuple[int, int]) -> VideoCodecContext:
    encoder = av.CodecContext.create("gif", "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt, encoder.time_base = "pal8", Fraction(1, 100)
    return encoder


def _indexed_frame(pixels: Pixels, indexer: Indexer) -> av.VideoFrame:
    """Return a new indexed frame: the encoder keeps the previous one for comparison."""
    height, width = pixels.shape[:2]
    frame = av.VideoFrame(width, height, "pal8")
    plane = frame.planes[0]
    index = np.frombuffer(memoryview(plane), np.uint8).reshape(height, plane.line_size)[:, :width]
    index[:] = indexer.index(pixels)
    if pixels.shape[2] == 4:
        _clear(index, pixels[..., 3] < 128)
    frame.planes[1].update(_argb(indexer.palette).tobytes())
    return frame


def _solid(pixels: Pixels, background: tuple[int, int, int]) -> Pixels:
    """Return the pixels with 1-bit alpha: transparent, or opaque over the background."""
    if pixels.shape[2] == 3:
        return pixels
    alpha, out = pixels[..., 3], pixels.copy()
    out[..., 3] = np.where(alpha < _FAINT, 0, 255)
    partial = (alpha >= _FAINT) & (alpha < 255)
    opacity = alpha[partial, None] / np.float32(255)
    out[partial, :3] = pixels[partial, :3] * opacity + np.array(background) * (1 - opacity) + 0.5
    return out


def _clear(index: NDArray[np.uint8], mask: NDArray[np.bool_]) -> None:
    """Make pixels transparent, at least one.

    The encoder clears a frame that has transparent pixels before it shows the next, but keeps a frame without any: if
    both kinds were mixed, frames would smear into later ones.
    """
    np.copyto(index, _CLEAR, where=mask)
    if not mask.any():
        index[0, 0] = _CLEAR


def _argb(palette: Palette) -> NDArray[np.uint32]:
    """Return the 256 entries in the encoder's format; unused ones are opaque black and the last is transparent."""
    entries = np.full(256, 0xFF000000, np.uint32)
    red, green, blue = palette.colors.astype(np.uint32).T
    entries[: len(red)] |= red << 16 | green << 8 | blue
    entries[_CLEAR] = 0
    return entries


def _comment(text: str) -> bytes:
    """Return a comment extension: blocks of up to 255 bytes, each preceded by its length, then an empty one."""
    data = text.encode("ascii")
    blocks = [data[start : start + 255] for start in range(0, len(data), 255)]
    return b"\x21\xfe" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\x00"
