"""Film files with known frames, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Frames = NDArray[np.uint8]

_FORMATS = {(): "gray16le", (3,): "rgb24", (4,): "rgba"}


def moving(count: int = 6, size: tuple[int, int] = (48, 64)) -> Frames:
    """Return frames of a square that moves to the right and changes its colour, shape (count, H, W, 3)."""
    frames = np.full((count, *size, 3), [30, 60, 90], np.uint8)
    for i, frame in enumerate(frames):
        frame[8:32, 4 * i : 4 * i + 24] = [220 - 30 * i, 40, 20 + 30 * i]
    return frames


def layers(count: int = 4) -> list[Image.Image]:
    """Return RGBA frames with one opaque square each, side by side on a transparent background."""
    frames = np.zeros((count, 24, 40, 4), np.uint8)
    for i, frame in enumerate(frames):
        frame[4:16, 9 * i : 9 * i + 8] = [250 - 40 * i, 20 + 30 * i, 60, 255]
    return [Image.fromarray(frame) for frame in frames]


def on_white(frames: Sequence[Image.Image]) -> Frames:
    """Composite transparent frames over white, shape (n, H, W, 3)."""
    opaque = (Image.alpha_composite(Image.new("RGBA", frame.size, "white"), frame) for frame in frames)
    return np.stack([np.asarray(frame.convert("RGB")) for frame in opaque])


def animate(path: Path, frames: Sequence[Image.Image], **options: object) -> Path:
    """Write an animation with Pillow; the suffix chooses the format."""
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, **options)
    return path


def film(
    path: Path, frames: Frames, codec: str, pixels: str, turn: int = 0, options: dict[str, str] | None = None
) -> Path:
    """Write a video of ten frames per second with FFmpeg; the suffix chooses the container."""
    with av.open(path, "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=10)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], pixels
        stream.set_display_rotation(turn)
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, _FORMATS[frame.shape[2:]])))
        container.mux(stream.encode())
    return path


def spliced(path: Path, *parts: Frames) -> Path:
    """Write a WebM film whose frames change their size."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=10)
        stream.height, stream.width, stream.pix_fmt = *parts[0].shape[1:3], "yuv420p"
        start = 0
        for part in parts:
            for packet in _encoded(part, start):
                packet.stream = stream
                container.mux(packet)
            start += len(part)
    return path


def _encoded(frames: Frames, start: int) -> list[av.Packet]:
    encoder = av.CodecContext.create("libvpx-vp9", "w")
    encoder.height, encoder.width, encoder.pix_fmt = *frames.shape[1:3], "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 10), 10
    packets = []
    for time, pixels in enumerate(frames, start):
        frame = av.VideoFrame.from_ndarray(pixels)
        frame.pts, frame.time_base = time, Fraction(1, 10)
        packets += encoder.encode(frame)
    packets += encoder.encode()
    for packet in packets:
        packet.time_base = Fraction(1, 10)
    return packets
