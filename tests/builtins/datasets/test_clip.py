"""Frames of films: read as they were written or as viewers show them; unreadable films are a one-line error."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import imageio.v3 as iio
import numpy as np
import pytest
from films import Frames, animate, film, layers, moving, on_white, spliced
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL.ExifTags import Base

from noisereel.contracts.dataset import Data, LoadContext
from noisereel.contracts.writer import Frame, WriterContext
from noisereel.support import memory
from noisereel.support.noise import LoadDraw
from noisereel_builtins.datasets.images.clip import Clip
from noisereel_builtins.writers.mp4 import Mp4


def load(path: Path, **parameters: Any) -> Data:
    return Clip(path=path, **parameters).load(LoadContext(path.parent, LoadDraw(0)))


def pixels_of(path: Path, **parameters: Any) -> NDArray[np.float64]:
    """Return the frames as values from 0 to 255."""
    return (load(path, **parameters).x0.double().numpy() + 1) * 127.5


def refusal(path: Path, **parameters: Any) -> str:
    """Return the error for a film, without the path at the beginning."""
    with pytest.raises(ValueError) as error:
        load(path, **parameters)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def assert_frames(path: Path, expected: Frames, atol: float = 1e-4, **parameters: Any) -> None:
    np.testing.assert_allclose(pixels_of(path, **parameters), expected, rtol=0, atol=atol)


ANIMATIONS: dict[str, dict[str, Any]] = {
    "gif": {},
    "png": {},
    "tiff": {"compression": "tiff_lzw"},
    "webp": {"lossless": True},
}


@pytest.mark.parametrize("suffix", ANIMATIONS)
def test_animations_are_read_as_written(tmp_path: Path, suffix: str) -> None:
    frames = moving()
    path = animate(tmp_path / f"film.{suffix}", [*map(Pillow.fromarray, frames)], **ANIMATIONS[suffix])
    assert_frames(path, frames)
    np.testing.assert_allclose(load(path).hue, [0, 0.2, 0.4, 0.6, 0.8, 1])


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_animations_of_imageio_are_read_as_written(tmp_path: Path, suffix: str) -> None:
    frames = moving()
    iio.imwrite(tmp_path / f"film.{suffix}", frames, **({"lossless": True} if suffix == "webp" else {}))
    assert_frames(tmp_path / f"film.{suffix}", frames)


VIDEOS = {
    "h264.mp4": ("libx264", "yuv420p", 5),
    "bframes.mov": ("libx264", "yuv444p", 4),
    "10bit.mp4": ("libx265", "yuv420p10le", 6),
    "vp9.webm": ("libvpx-vp9", "yuv420p", 5),
    "lossless.mkv": ("ffv1", "bgr0", 0),
    "runs.mov": ("qtrle", "rgb24", 0),
}
"""Codec, pixel format, and the largest mean error allowed."""


@pytest.mark.parametrize("name", VIDEOS)
def test_videos_are_read_as_written(tmp_path: Path, name: str) -> None:
    codec, pixels, tolerance = VIDEOS[name]
    frames = moving()
    data = pixels_of(film(tmp_path / name, frames, codec, pixels))
    assert data.shape == frames.shape
    error = np.abs(data[:, None] - frames[None]).mean((2, 3, 4))
    assert error.argmin(1).tolist() == [0, 1, 2, 3, 4, 5]
    assert error.diagonal().max() <= tolerance + 1e-4


def test_the_colours_of_films_written_by_noisereel(tmp_path: Path) -> None:
    colors = np.array([[200, 30, 40], [10, 60, 220], [20, 200, 90]], np.uint8)
    frames = np.broadcast_to(colors[:, None, None], (3, 48, 64, 3))
    with Mp4().open(WriterContext(tmp_path / "film.mp4", (64, 48), Fraction(25))) as sink:
        for i, pixels in enumerate(frames):
            sink.write(Frame(i, Fraction(1, 25), np.ascontiguousarray(pixels)))
    assert_frames(tmp_path / "film.mp4", frames, atol=4)


@pytest.mark.parametrize("disposal", [0, 1, 2, 3])
def test_gifs_are_read_as_ffmpeg_reads_them(tmp_path: Path, disposal: int) -> None:
    path = animate(tmp_path / "film.gif", layers(), disposal=disposal)
    with av.open(path) as container:
        expected = [Pillow.fromarray(frame.to_ndarray(format="rgba")) for frame in container.decode(video=0)]
    assert_frames(path, on_white(expected))
    if disposal == 2:  # every frame is cleared before the next
        assert_frames(path, on_white(layers()))


@pytest.mark.parametrize(("disposal", "blend"), [*itertools.product((0, 1, 2), (0, 1))])
def test_frames_of_animated_pngs(tmp_path: Path, disposal: int, blend: int) -> None:
    path = animate(tmp_path / "film.png", layers(), disposal=disposal, blend=blend)
    frames = layers()
    if (disposal, blend) == (0, 1):  # nothing is cleared, and transparent pixels show the frame before
        frames = list(itertools.accumulate(frames, Pillow.alpha_composite))
    assert_frames(path, on_white(frames))


def test_the_default_picture_of_an_animated_png_is_not_a_frame(tmp_path: Path) -> None:
    hidden = Pillow.new("RGBA", (40, 24), "red")
    assert_frames(animate(tmp_path / "film.png", [hidden, *layers()], default_image=True), on_white(layers()))


def test_transparent_frames_are_composited_over_white(tmp_path: Path) -> None:
    pictures = layers()
    for picture in pictures:
        picture.putalpha(picture.getchannel("A").point(lambda alpha: alpha // 2))
    assert_frames(animate(tmp_path / "film.webp", pictures, lossless=True, exact=True), on_white(pictures))
    frames = np.stack([np.asarray(picture) for picture in pictures])
    assert_frames(film(tmp_path / "film.mov", frames, "png", "rgba"), on_white(pictures))


def test_one_frame_is_a_film(tmp_path: Path) -> None:
    (frame,) = moving(1)
    for suffix, options in ANIMATIONS.items():
        Pillow.fromarray(frame).save(tmp_path / f"film.{suffix}", **options)
        assert_frames(tmp_path / f"film.{suffix}", frame[None])
    film(tmp_path / "film.mkv", frame[None], "ffv1", "bgr0")
    assert_frames(tmp_path / "film.mkv", frame[None])
    assert load(tmp_path / "film.mkv").hue.tolist() == [0]


def test_sixteen_bits(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 2**16, (3, 24, 32)).astype(np.uint16)
    pages = animate(tmp_path / "film.tiff", [*map(Pillow.fromarray, values)])
    assert_frames(pages, values / 257, atol=0.51, color="grey")
    assert_frames(film(tmp_path / "film.apng", values, "apng", "gray16be"), values / 257, atol=1.5, color="grey")


@pytest.mark.parametrize("turn", [90, 180, -90])
def test_a_phones_film_is_upright(tmp_path: Path, turn: int) -> None:
    frames = moving()
    path = film(tmp_path / "film.mov", frames, "qtrle", "rgb24", turn=turn)
    assert_frames(path, np.rot90(frames, turn // 90, axes=(1, 2)))


def test_the_orientation_in_exif_is_followed(tmp_path: Path) -> None:
    frames = moving()
    exif = Pillow.Exif()
    exif[Base.Orientation] = 6
    animate(tmp_path / "film.webp", [*map(Pillow.fromarray, frames)], lossless=True, exif=exif)
    assert_frames(tmp_path / "film.webp", np.rot90(frames, -1, axes=(1, 2)))


@pytest.mark.parametrize("suffix", ["gif", "mkv"])
def test_every_nth_frame(tmp_path: Path, suffix: str) -> None:
    frames, path = moving(7), tmp_path / f"film.{suffix}"
    if suffix == "gif":
        animate(path, [*map(Pillow.fromarray, frames)])
    else:
        film(path, frames, "ffv1", "bgr0")
    assert_frames(path, frames[[0, 3, 6]], every=3)
    assert load(path, every=3).hue.tolist() == [0, 0.5, 1]
    assert_frames(path, frames[[0]], every=7)
    assert_frames(path, frames[[0, 4]], every=4)


def test_size_and_colour_work_as_for_pictures(tmp_path: Path) -> None:
    frames = [*map(Pillow.fromarray, moving(2))]
    path = animate(tmp_path / "film.gif", frames)
    for size, pixels in (((10, 20), (20, 10)), (32, (32, 24))):
        assert_frames(path, np.stack([frame.resize(pixels) for frame in frames]), size=size)
    grey = np.stack([frame.convert("L") for frame in frames])
    assert_frames(path, grey, color="grey")


def test_frames_of_several_sizes(tmp_path: Path) -> None:
    large, small = np.full((2, 48, 64, 3), 200, np.uint8), np.full((2, 24, 32, 3), 40, np.uint8)
    paths = [
        spliced(tmp_path / "film.webm", large, small),
        animate(tmp_path / "film.tiff", [Pillow.fromarray(frame) for frame in (*large, *small)]),
    ]
    for path in paths:
        assert refusal(path) == (
            "the film has frames of 48 × 64 and 24 × 32 pixels: give them one with 'size: [height, width]'"
        )
        expected = np.repeat(np.array([200, 40], np.uint8), 2)[:, None, None, None]
        assert_frames(path, np.broadcast_to(expected, (4, 12, 12, 3)), atol=3, size=(12, 12))


TOO_LARGE = "has more than 67,108,864 pixels, the most that can be read: scale it down first"


def test_frames_that_are_too_large(tmp_path: Path) -> None:
    video = film(tmp_path / "film.mov", moving(), "qtrle", "rgb24")
    content = video.read_bytes()
    size = content.index(b"rle ") + 28  # offset of the frame size in the header
    video.write_bytes(content[:size] + bytes.fromhex("2328 2000") + content[size + 4 :])
    assert refusal(video) == f"the picture {TOO_LARGE}"
    pages = animate(tmp_path / "film.tiff", [Pillow.new("1", (8, 8)), Pillow.new("1", (9000, 8000))])
    assert refusal(pages) == f"frame 2 cannot be decoded: the picture {TOO_LARGE}"


FULL = "need about 1 GiB of memory, but only 1 GiB are free: use fewer ('every'), or scale them down ('size')"


@pytest.mark.parametrize(
    ("header", "suffix", "codec", "flags"), [(0, "webm", "libvpx-vp9", ""), (1, "mov", "png", "frag_every_frame")]
)
def test_memory_is_checked_while_decoding_if_the_header_counts_too_few_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, header: int, suffix: str, codec: str, flags: str
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 2**30)
    pixels = "rgb24" if codec == "png" else "yuv420p"
    path = film(tmp_path / f"film.{suffix}", moving(), codec, pixels, options={"movflags": flags})
    with path.open("rb") as stream, av.open(stream) as container:
        assert container.streams.video[0].frames == header
    assert refusal(path, size=(4096, 4096)) == f"4 frames {FULL}"
    assert load(path, size=(4096, 4096), every=2).x0.shape == (3, 4096, 4096, 3)


def test_memory_is_checked_before_frames_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 2**30)
    noise = np.random.default_rng(0).integers(0, 255, (6, 48, 64, 3)).astype(np.uint8)
    path = film(tmp_path / "film.mp4", noise, "libx264", "yuv420p", options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[:-5000])
    assert refusal(path) == "frame 2 cannot be decoded: Invalid data found when processing input"
    assert refusal(path, size=(4096, 4096)) == f"6 frames {FULL}".replace("about 1", "about 2")
    gif = animate(tmp_path / "film.gif", [Pillow.fromarray(frame).quantize(64) for frame in noise])
    gif.write_bytes(gif.read_bytes()[:-1000])
    assert refusal(gif).startswith("frame 6 cannot be decoded: image file is truncated")
    assert refusal(gif, size=(4096, 4096)) == f"6 frames {FULL}".replace("about 1", "about 2")


NO_FILM = "not a film in a format that can be read (GIF, PNG, TIFF, WEBP, MP4, MOV, WebM, MKV)"


@pytest.mark.parametrize(
    "text",
    ["ffconcat version 1.0\nfile secret.mkv\n", "#EXTM3U\n#EXTINF:1,\nsecret.mkv\n#EXT-X-ENDLIST\n", "a film"],
    ids=["ffconcat", "HLS", "text"],
)
@pytest.mark.parametrize("name", ["film.mp4", "film.gif", "film.ffconcat", "film.m3u8"])
def test_no_film_opens_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    film(tmp_path / "secret.mkv", moving(), "ffv1", "bgr0")
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert refusal(tmp_path / name) == NO_FILM
    if text.startswith("ffconcat"):  # FFmpeg does, without a whitelist of formats
        with (tmp_path / name).open("rb") as stream:
            assert len([*iio.imiter(stream, plugin="pyav")]) == len(moving())


def test_broken_films(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (6, 48, 64, 3)).astype(np.uint8)
    gif = animate(tmp_path / "film.gif", [Pillow.fromarray(frame).quantize(64) for frame in noise])
    webm = film(tmp_path / "film.mkv", noise, "ffv1", "bgr0")
    mp4 = film(tmp_path / "film.mp4", noise, "libx264", "yuv420p")
    for path in (gif, webm, mp4):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert refusal(gif).startswith("frame 3 cannot be decoded: image file is truncated")
    assert refusal(mp4) == NO_FILM  # its index is at the end
    assert len(load(webm).x0) == 2
    content = bytearray(film(tmp_path / "film.mkv", noise, "ffv1", "bgr0").read_bytes())
    content[len(content) // 2 :: 7] = bytes(len(content[len(content) // 2 :: 7]))
    webm.write_bytes(content)
    assert refusal(webm) == "frame 3 cannot be decoded: Invalid data found when processing input"


def test_transparent_webm_is_refused(tmp_path: Path) -> None:
    frames = np.stack([np.asarray(frame) for frame in layers()])
    assert refusal(film(tmp_path / "film.webm", frames, "libvpx-vp9", "yuva420p")) == (
        "transparency in WebM and MKV cannot be read: convert the film to an animated PNG or WebP"
    )


def test_an_unknown_codec(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mov", moving(), "qtrle", "rgb24")
    path.write_bytes(path.read_bytes().replace(b"rle ", b"????"))
    assert refusal(path) == "the film's codec is unknown: convert it to H.264 or VP9"


def test_a_sound_file_is_not_a_film(tmp_path: Path) -> None:
    with av.open(tmp_path / "sound.mp4", "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux([*stream.encode(frame), *stream.encode()])
    assert refusal(tmp_path / "sound.mp4") == NO_FILM


def test_metadata_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    with av.open(path, "w") as container:
        container.metadata["title"] = "XXXXXXXX"
        stream = container.add_stream("ffv1", rate=10)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "bgr0"
        container.mux([*stream.encode(av.VideoFrame.from_ndarray(moving(1)[0])), *stream.encode()])
    path.write_bytes(path.read_bytes().replace(b"XXXXXXXX", b"\xe9t\xe9 2026"[:8].ljust(8)))
    assert_frames(path, moving(1))


def test_a_film_in_a_scene(tmp_path: Path) -> None:
    """A plain value is the path, relative to the scene's folder."""
    animate(tmp_path / "film.gif", [*map(Pillow.fromarray, moving())])
    data = Clip(path=Path("film.gif")).load(LoadContext(tmp_path, LoadDraw(0)))
    assert Clip.primary == "path"
    assert data.event_shape == (48, 64, 3)
    assert data.labels is data.palette is None
