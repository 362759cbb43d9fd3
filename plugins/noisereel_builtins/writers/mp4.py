"""MP4: H.264 video, small and smooth, for slides and the web."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from typing import ClassVar

import av
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter
from av.video.stream import VideoStream

from noisereel.contracts.geometry import Pixels
from noisereel.contracts.writer import Frame, Quality, Sink, Writer, WriterContext
from noisereel.support.errors import UsageError

from .comment import to_comment

__all__ = ["Mp4"]

_OPTIONS: Mapping[Quality, Mapping[str, str]] = {
    "draft": {"preset": "ultrafast", "crf": "23"},
    "standard": {"preset": "veryfast", "crf": "20"},
    "high": {"preset": "medium", "crf": "16"},
}


class Mp4(Writer):
    """H.264 in MP4 that every player supports: 4:2:0, BT.709, constant frame rate, index at the front.

    Odd sizes are padded by a row or column of edge pixels, never rescaled.
    """

    alpha: ClassVar[bool] = False

    @contextmanager
    def open(self, ctx: WriterContext) -> Iterator[Sink]:
        """Start a file.

        Raises:
            UsageError: The film is transparent, which H.264 does not support.
        """
        if ctx.alpha:
            raise UsageError("MP4 cannot be transparent: use .gif or .png, or leave --transparent out")
        with av.open(ctx.path, "w", format="mp4", options={"movflags": "+faststart"}) as container:
            stream = _stream(container, ctx)
            yield _Sink(container, stream, ctx.fps)
            container.mux(stream.encode())


class _Sink:
    """Encodes frames at a constant rate; longer frames are repeated, so that players need not support delays."""

    def __init__(self, container: OutputContainer, stream: VideoStream, fps: Fraction) -> None:
        self._container, self._stream, self._fps = container, stream, fps
        self._reformatter = VideoReformatter()
        self._elapsed, self._count = Fraction(0), 0

    def write(self, frame: Frame) -> None:
        yuv = self._yuv(frame.content)
        self._elapsed += frame.duration
        for index in range(self._count, round(self._elapsed * self._fps)):
            yuv.pts, yuv.time_base = index, 1 / self._fps
            self._container.mux(self._stream.encode(yuv))
            self._count += 1

    def _yuv(self, pixels: Pixels) -> av.VideoFrame:
        """Return a 4:2:0 frame in BT.709; averaging ("area") best keeps the chroma of flat colours and single discs."""
        return self._reformatter.reformat(
            av.VideoFrame.from_numpy_buffer(_even(pixels), format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.AREA,
        )


def _stream(container: OutputContainer, ctx: WriterContext) -> VideoStream:
    width, height = ctx.size
    stream = container.add_stream("libx264", rate=ctx.fps, options=dict(_OPTIONS[ctx.quality]))
    stream.width, stream.height = width + width % 2, height + height % 2
    stream.pix_fmt = "yuv420p"
    codec = stream.codec_context
    codec.colorspace, codec.color_range = Colorspace.ITU709, ColorRange.MPEG
    codec.color_primaries, codec.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    if ctx.metadata:
        tags = {key: ctx.metadata[key] for key in ("title", "description") if key in ctx.metadata}
        container.metadata.update(tags, comment=to_comment(ctx.metadata))
    return stream


def _even(pixels: Pixels) -> Pixels:
    """Return the pixels padded to even width and height."""
    height, width = pixels.shape[:2]
    if height % 2 or width % 2:
        pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(pixels)
