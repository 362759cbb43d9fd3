"""MP4s, opened again: frames, rate, colours, container."""

from __future__ import annotations

import json
import struct
import weakref
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from noisereel.contracts.geometry import Pixels
from noisereel.contracts.theme import THEMES, rgb
from noisereel.contracts.writer import Frame, WriterContext
from noisereel.support.errors import UsageError
from noisereel_builtins.writers.mp4 import Mp4

FPS = Fraction(25)


def write(path: Path, frames: Sequence[Pixels], durations: Sequence[Fraction], fps: Fraction = FPS, **spec) -> None:
    height, width, _ = frames[0].shape
    with Mp4().open(WriterContext(path, (width, height), fps, **spec)) as sink:
        for i, (pixels, duration) in enumerate(zip(frames, durations, strict=True)):
            sink.write(Frame(i, duration, pixels))


def read(path: Path) -> list[av.VideoFrame]:
    with av.open(path) as container:
        return list(container.decode(video=0))


def rgb_of(frame: av.VideoFrame) -> NDArray[np.float64]:
    """Return RGB decoded by the standard: BT.709, studio range, each chroma sample shared by four pixels."""
    y, u, v = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)[:, : plane.width].astype(float)
        for plane in frame.planes
    )
    y, cb, cr = (y - 16) / 219, *(((c - 128) / 224).repeat(2, axis=0).repeat(2, axis=1) for c in (u, v))
    red, blue = y + 1.5748 * cr, y + 1.8556 * cb
    green = (y - 0.2126 * red - 0.0722 * blue) / 0.7152
    return 255 * np.clip(np.stack([red, green, blue], axis=-1), 0, 1)


def moving(count: int, size: tuple[int, int] = (64, 48)) -> list[Pixels]:
    """Return frames of a bright square that moves to the right."""
    frames = np.full((count, size[1], size[0], 3), rgb(THEMES["dark"].color("background")), np.uint8)
    for i, frame in enumerate(frames):
        frame[16:32, i * 2 : i * 2 + 16] = rgb(THEMES["dark"].color("blue"))
    return list(frames)


def boxes(data: bytes) -> list[str]:
    """Return the types of an MP4's boxes, in order."""
    kinds, offset = [], 0
    while offset < len(data):
        size, kind = struct.unpack(">I4s", data[offset : offset + 8])
        kinds.append(kind.decode())
        offset += size
    return kinds


class TestColours:
    @pytest.mark.parametrize("quality", ["draft", "standard", "high"])
    @pytest.mark.parametrize("theme", ["dark", "light"])
    def test_flat_colours_survive(self, tmp_path: Path, theme: str, quality: str) -> None:
        colors = np.array([rgb(color) for color in THEMES[theme].colors.values()], np.uint8)
        board = colors.reshape(2, 4, 3).repeat(32, axis=0).repeat(32, axis=1)
        write(tmp_path / "a.mp4", [board] * 5, [1 / FPS] * 5, quality=quality)
        middles = np.abs(rgb_of(read(tmp_path / "a.mp4")[-1]) - board).reshape(2, 32, 4, 32, 3)[:, 8:24, :, 8:24]
        assert middles.mean() <= 1 and middles.mean(axis=(1, 3)).max() <= 2

    def test_colour_metadata_is_written(self, tmp_path: Path) -> None:
        write(tmp_path / "a.mp4", moving(3), [1 / FPS] * 3)
        with av.open(tmp_path / "a.mp4") as container:
            codec = container.streams.video[0].codec_context
            assert (codec.name, codec.pix_fmt, codec.profile) == ("h264", "yuv420p", "High")
            bt709, studio = 1, 1
            assert (codec.colorspace, codec.color_primaries, codec.color_trc, codec.color_range) == (
                bt709,
                bt709,
                bt709,
                studio,
            )

    def test_single_discs_keep_their_chroma(self, tmp_path: Path) -> None:
        # Chroma at half the resolution must be the mean of its four pixels, not one of them.
        pixels = np.zeros((64, 64, 3), np.uint8)
        pixels[1::2, 1::2] = (240, 40, 40)
        write(tmp_path / "a.mp4", [pixels], [1 / FPS], quality="high")
        (frame,) = read(tmp_path / "a.mp4")
        cr = np.frombuffer(memoryview(frame.planes[2]), np.uint8).reshape(32, -1)[:, :32]
        luma = np.array([0.2126, 0.7152, 0.0722]) @ (240, 40, 40)
        assert cr.mean() - 128 == pytest.approx(224 / 255 * (240 - luma) / 1.5748 / 4, abs=1)


class TestTime:
    def test_every_frame_at_a_constant_rate(self, tmp_path: Path) -> None:
        frames = moving(20)
        write(tmp_path / "a.mp4", frames, [1 / FPS] * 20)
        shown = read(tmp_path / "a.mp4")
        assert [frame.pts * frame.time_base for frame in shown] == [i / FPS for i in range(20)]
        for before, after in zip(frames, shown, strict=True):
            assert np.abs(rgb_of(after) - before).mean() < 2
        with av.open(tmp_path / "a.mp4") as container:
            assert container.streams.video[0].average_rate == FPS
            assert Fraction(container.duration, av.time_base) == Fraction(20, 25)

    @pytest.mark.parametrize("fps", [Fraction(100, 3), Fraction(30000, 1001), Fraction(60)])
    def test_odd_rates_are_exact(self, tmp_path: Path, fps: Fraction) -> None:
        write(tmp_path / "a.mp4", moving(6), [1 / fps] * 6, fps)
        with av.open(tmp_path / "a.mp4") as container:
            assert container.streams.video[0].average_rate == fps

    def test_holds_are_repeated_frames(self, tmp_path: Path) -> None:
        frames = moving(3)
        write(tmp_path / "a.mp4", frames, [13 / FPS, 1 / FPS, 26 / FPS])
        shown = read(tmp_path / "a.mp4")
        assert len(shown) == 40
        for i, after in enumerate(shown):
            assert np.abs(rgb_of(after) - frames[(i >= 13) + (i >= 14)]).mean() < 2

    def test_every_rate_is_accepted(self) -> None:
        assert Mp4().rate_warning(Fraction(17)) is None


class TestSize:
    @pytest.mark.parametrize(("size", "padded"), [((63, 48), (64, 48)), ((64, 47), (64, 48)), ((33, 17), (34, 18))])
    def test_odd_sizes_are_padded_with_their_edge(
        self, tmp_path: Path, size: tuple[int, int], padded: tuple[int, int]
    ) -> None:
        width, height = size
        pixels = np.full((height, width, 3), rgb(THEMES["light"].color("background")), np.uint8)
        pixels[4:12, 4:12] = rgb(THEMES["light"].color("blue"))
        write(tmp_path / "a.mp4", [pixels] * 2, [1 / FPS] * 2, quality="high")
        frame = read(tmp_path / "a.mp4")[-1]
        assert (frame.width, frame.height) == padded
        assert np.abs(rgb_of(frame)[:height, :width] - pixels).mean() < 1.5
        assert (
            np.abs(rgb_of(frame)[-1] - pixels[-1, 0]).max() <= 4
            and np.abs(rgb_of(frame)[:, -1] - pixels[0, -1]).max() <= 4
        )


class TestFile:
    def test_the_index_comes_first(self, tmp_path: Path) -> None:
        write(tmp_path / "a.mp4", moving(10), [1 / FPS] * 10)
        kinds = boxes((tmp_path / "a.mp4").read_bytes())
        assert kinds[0] == "ftyp" and kinds.index("moov") < kinds.index("mdat")

    def test_metadata_is_a_title_and_a_comment(self, tmp_path: Path) -> None:
        metadata = {
            "title": "Swiss roll, x_t → ε",
            "description": "A roll dissolves",
            "scene": "dataset: swiss-roll\n" * 40,
        }
        write(tmp_path / "a.mp4", moving(2), [1 / FPS] * 2, metadata=metadata)
        with av.open(tmp_path / "a.mp4") as container:
            assert container.metadata["title"] == metadata["title"]
            assert container.metadata["description"] == metadata["description"]
            assert json.loads(container.metadata["comment"]) == metadata

    def test_high_quality_is_closer(self, tmp_path: Path) -> None:
        draw = np.random.default_rng(0)
        frames = [draw.integers(0, 256, (48, 64, 1), np.uint8).repeat(3, axis=2) for _ in range(8)]
        errors = {}
        for quality in ("standard", "high"):
            write(tmp_path / "a.mp4", frames, [1 / FPS] * 8, quality=quality)
            pairs = zip(read(tmp_path / "a.mp4"), frames, strict=True)
            errors[quality] = np.mean([np.abs(rgb_of(after) - before).mean() for after, before in pairs])
        assert errors["high"] < 0.7 * errors["standard"]

    def test_frames_are_released(self, tmp_path: Path) -> None:
        alive = []
        with Mp4().open(WriterContext(tmp_path / "a.mp4", (64, 48), FPS)) as sink:
            for i in range(10):
                pixels = np.full((48, 64, 3), i, np.uint8)
                alive.append(weakref.ref(pixels))
                sink.write(Frame(i, 1 / FPS, pixels))
                del pixels
        assert [ref() for ref in alive[:8]] == [None] * 8

    def test_transparency_is_refused_with_a_suggestion(self, tmp_path: Path) -> None:
        ctx = WriterContext(tmp_path / "a.mp4", (64, 48), FPS, alpha=True)
        with pytest.raises(UsageError) as error, Mp4().open(ctx):
            pytest.fail("must not get here")
        assert str(error.value) == "MP4 cannot be transparent: use .gif or .png, or leave --transparent out"
        assert not (tmp_path / "a.mp4").exists()
