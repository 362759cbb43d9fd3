"""Decoding untrusted picture and film files with imageio.

imageio gets an open file and the name of a plugin, never a path, because it also takes URLs, cameras and the names of
sample pictures to download. Formats are never guessed from a suffix, and both libraries are held to a list:

- Pillow starts Ghostscript to read EPS, and imageio's Pillow plugin takes no list of formats. So Pillow itself
  identifies the file first, with a list. The formats in it start with signatures of their own, so that imageio cannot
  take the file for EPS afterwards.
- FFmpeg's playlist formats (``ffconcat``, HLS …) open other files and URLs. imageio passes a whitelist on to FFmpeg, of
  containers that hold their own frames.

Sizes are checked in the header before decoding and again for each frame, because headers can be wrong.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from imageio.v3 import imopen
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from noisereel.support.memory import require_memory

if TYPE_CHECKING:
    from av.video.stream import VideoStream
    from imageio.plugins.pillow import PillowPlugin

__all__ = ["Film", "open_film", "open_picture"]

_MOST_PIXELS = 8192 * 8192
"""Size in pixels of the largest picture that is decoded: below Pillow's limit for decompression bombs."""

_ZERO_IS_WHITE = 0  # of the TIFF tag PhotometricInterpretation

_STILLS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
_ANIMATIONS = ("GIF", "PNG", "TIFF", "WEBP")
_CONTAINERS: dict[str, Any] = {
    "options": {"format_whitelist": "apng,mov,mp4,matroska,webm"},
    "metadata_errors": "replace",  # old films have titles in other encodings than UTF-8
}

_NO_PICTURE = f"not a picture in a format that can be read ({', '.join(_STILLS)})"
_NO_FILM = f"not a film in a format that can be read ({', '.join(_ANIMATIONS)}, MP4, MOV, WebM, MKV)"
_TOO_LARGE = f"has more than {_MOST_PIXELS:,} pixels, the most that can be read: scale it down first"
_NO_CODEC = "the film's codec is unknown: convert it to H.264 or VP9"
_LOST_ALPHA = "transparency in WebM and MKV cannot be read: convert the film to an animated PNG or WebP"


@dataclass(frozen=True, slots=True)
class Film:
    """The frames of an open file.

    Attributes:
        count: Number of frames by the header, 0 if it does not say.
        height: Height of the first frame by the header, in pixels.
        width: Its width.
        frames: The frames in order, decoded one at a time: upright, on white, in mode L or RGB.
    """

    count: int
    height: int
    width: int
    frames: Iterator[Image.Image]


@contextmanager
def open_picture(file: Path | Traversable) -> Iterator[Film]:
    """Open a picture as a film of one frame, the first if the file holds several.

    Raises:
        OSError: The file cannot be opened.
        ValueError: It is not a picture that can be read. Errors of this type in the ``with`` block name the file, too.
    """
    with _opened(file) as stream:
        media_type = _identified(stream, _STILLS)
        if media_type is None:
            raise ValueError(_NO_PICTURE)
        with closing(imopen(stream, "r", plugin="pillow")) as source:
            height, width = _size(source, 0)
            yield Film(1, height, width, _decoded(_stills(source, range(1), media_type), "the picture"))


@contextmanager
def open_film(file: Path | Traversable) -> Iterator[Film]:
    """Open an animation or a video.

    Raises:
        OSError: The file cannot be opened.
        ValueError: It is not a film that can be read. Errors of this type in the ``with`` block name the file, too.
    """
    with _opened(file) as stream:
        media_type = _identified(stream, _ANIMATIONS)
        # Pillow does not restore what was below a blended frame of an animated PNG; FFmpeg does.
        is_video = media_type in (None, "image/apng")
        with _video(stream) if is_video else _animation(stream, media_type) as film:
            yield film


@contextmanager
def _animation(stream: BinaryIO, media_type: str | None) -> Iterator[Film]:
    with closing(imopen(stream, "r", plugin="pillow")) as source:
        with _decoding("the film"):
            length = source.properties(index=...).shape[0]  # type: ignore[arg-type]
        height, width = _size(source, 0)
        yield Film(length, height, width, _decoded(_stills(source, range(length), media_type)))


@contextmanager
def _video(stream: BinaryIO) -> Iterator[Film]:
    length, height, width, turns = _video_header(stream)
    with closing(imopen(stream, "r", plugin="pyav", **_CONTAINERS)) as source:
        yield Film(length, height, width, _decoded(_turned(source.iter(format="rgba"), turns)))


def _video_header(stream: BinaryIO) -> tuple[int, int, int, int]:
    """Return a video's number of frames, height and width, and the quarter turns to the left that it needs."""
    import av

    try:
        with av.open(stream, "r", **_CONTAINERS) as container:
            video = container.streams.video[0]
            _check_video(video)
            with _decoding("frame 1"):
                first = next(container.decode(video), None)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise ValueError(_NO_FILM) from error
    finally:
        stream.seek(0)
    if first is None:
        raise ValueError("the film has no frames")
    return video.frames, first.height, first.width, round(first.rotation / 90)


def _check_video(video: VideoStream) -> None:
    if video.codec_context is None:
        raise ValueError(_NO_CODEC)
    if video.metadata.get("alpha_mode") == "1":  # FFmpeg's own decoders ignore it
        raise ValueError(_LOST_ALPHA)
    _check_size(video.height, video.width)


@contextmanager
def _opened(file: Path | Traversable) -> Iterator[BinaryIO]:
    if file.is_dir() or (isinstance(file, Path) and file.exists() and not file.is_file()):
        raise ValueError(f"{file}: must be a file, not a {'folder' if file.is_dir() else 'pipe or device'}")
    with file.open("rb") as stream:
        try:
            yield cast(BinaryIO, stream)
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from error


def _identified(stream: BinaryIO, formats: tuple[str, ...]) -> str | None:
    """Return a file's media type by its content, None if it is in none of these formats."""
    with warnings.catch_warnings(), _decoding("the picture"):
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            return Image.open(stream, formats=formats).get_format_mimetype()
        except UnidentifiedImageError:
            return None
        finally:
            stream.seek(0)


def _decoded(frames: Iterator[Image.Image], name: str = "frame {}") -> Iterator[Image.Image]:
    for number in count(1):
        with _decoding(name.format(number)):
            frame = next(frames, None)
        if frame is None:
            return
        yield frame


@contextmanager
def _decoding(what: str) -> Iterator[None]:
    """Turn whatever a decoder raises into one line."""
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(f"{what} {_TOO_LARGE}") from None
    except Exception as error:  # damaged files make decoders raise anything: SyntaxError, EOFError, struct.error …
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ValueError(f"{what} cannot be decoded: {reason}") from error


def _stills(source: PillowPlugin, indices: Sequence[int], media_type: str | None) -> Iterator[Image.Image]:
    for index in indices:
        _size(source, index)
        tags = source.metadata(index=index, exclude_applied=False)
        if source.properties(index=index).dtype.itemsize == 1:
            picture = _opaque(source.read(index=index, mode="RGBA"))
        else:  # Pillow's own conversion would cut everything above 255
            picture = _grey(source.read(index=index), tags if media_type == "image/tiff" else {})
        # Pillow follows the mark of a TIFF itself when it reads the pixels, and then removes it.
        yield _upright(picture, source.metadata(index=index, exclude_applied=False).get("Orientation", 1))


def _turned(frames: Iterator[NDArray[Any]], turns: int) -> Iterator[Image.Image]:
    for pixels in frames:
        _check_size(*pixels.shape[:2])
        yield _opaque(np.rot90(pixels, turns))


def _size(source: PillowPlugin, index: int) -> tuple[int, int]:
    height, width = source.properties(index=index).shape[:2]
    _check_size(height, width)
    return height, width


def _check_size(height: int, width: int) -> None:
    if height * width > _MOST_PIXELS:
        raise ValueError(f"the picture {_TOO_LARGE}")
    require_memory("pixels", height * width, 16)  # four copies in RGBA


def _opaque(pixels: NDArray[Any]) -> Image.Image:
    """Lay RGBA pixels on white."""
    layer = Image.fromarray(pixels)
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def _grey(pixels: NDArray[Any], tags: Mapping[str, Any]) -> Image.Image:
    """Bring grey pixels with more than 8 bits to 8; of TIFF, tags give the range and whether 0 is white."""
    if pixels.dtype.kind == "f":
        low, high = float(pixels.min()), float(pixels.max())
        if not 0 <= low <= high <= 1:
            raise ValueError(f"its pixels are fractions from {low:g} to {high:g}: scale them to 0…1")
        most = 1
    else:
        bits = tags.get("BitsPerSample", 16)
        if bits > 16 or pixels.min() < 0:
            kind = f"{bits}-bit integers" if bits > 16 else "integers with a sign"
            raise ValueError(f"its pixels are {kind}: save them with 8 or 16 bits")
        most = 2**bits - 1
    shade = pixels * np.float32(255 / most)
    if tags.get("PhotometricInterpretation") == _ZERO_IS_WHITE:
        np.subtract(255, shade, out=shade)
    return Image.fromarray(shade.round(out=shade).clip(0, 255, out=shade).astype(np.uint8))


def _upright(picture: Image.Image, orientation: int) -> Image.Image:
    """Follow a camera's orientation mark; imageio's own ``rotate`` would swap the channels of grey pictures."""
    picture.getexif()[ExifTags.Base.Orientation] = orientation
    return ImageOps.exif_transpose(picture)
