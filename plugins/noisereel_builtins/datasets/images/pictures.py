"""Reading pictures and films: the code that the data sets of images share."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from importlib.resources.abc import Traversable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import AfterValidator, Field
from torch import Tensor

from noisereel.support.memory import require_memory

from .decoding import open_film, open_picture

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Color", "LocalPath", "Side", "Size", "read_film", "read_picture", "read_pictures"]

_CHANNELS = {"grey": 1, "rgb": 3}
_BYTES = 6  # each value at the peak: uint8 as it is decoded, and again when it is stacked; float32 when it is kept
_STILL_BYTES = 8  # the same of a single picture, whose decoder has not yet returned its memory


def _local(path: Path) -> Path:
    """Refuse ``http://…``, ``file://…`` and other URLs, whose scheme is the first part of a `Path`."""
    if path.parts and len(path.parts[0]) > 2 and path.parts[0].endswith(":"):
        raise ValueError(f"must be a path on this computer, not an address ({path.parts[0]})")
    return path


Color = Literal["grey", "rgb"]
Side = Annotated[int, Field(ge=1, le=8192)]
Size = Side | tuple[Side, Side] | None
LocalPath = Annotated[Path, AfterValidator(_local)]
Pixels: TypeAlias = NDArray[np.uint8]


def read_picture(file: Path | Traversable, color: Color, size: Size, most: int | None = None) -> Tensor:
    """Read a picture as one sample in [−1, 1], shape (1, H, W) if grey, (1, H, W, 3) if RGB.

    Transparent parts become white; a camera's orientation mark is followed.

    Args:
        file: The picture.
        color: Luminance alone, or colours.
        size: (height, width); or the longer side, proportions kept; or None for the picture's own.
        most: Longer side to which larger pictures are scaled down, if ``size`` is None.

    Raises:
        OSError: The file cannot be opened.
        ValueError: It is not a picture that can be read, or it does not fit in memory.
    """
    return _samples([_still(file, color, size, most)])


def read_pictures(files: Sequence[Path], color: Color, size: tuple[int, int]) -> tuple[Tensor, dict[int, str]]:
    """Read pictures as samples of one size, shape (n, H, W) or (n, H, W, 3), as `read_picture` does.

    Returns:
        The samples, and the reason why a file was left out, by its index.

    Raises:
        OSError: The first file cannot be opened, nor can any other be read.
        ValueError: The first is not a picture that can be read, nor is any other; or they do not fit in memory.
    """
    require_memory("pictures", len(files), _BYTES * math.prod(size) * _CHANNELS[color])
    pixels: list[Pixels] = []
    errors: dict[int, OSError | ValueError] = {}
    for i, file in enumerate(files):
        try:
            pixels.append(_still(file, color, size))
        except (OSError, ValueError) as error:
            errors[i] = error
    if not pixels:
        raise errors[0]
    return _samples(pixels), {i: _reason(error) for i, error in errors.items()}


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror or error}"
    return str(error)


def read_film(file: Path, color: Color, size: Size, every: int) -> Tensor:
    """Read every n-th frame of an animation or a video, shape (n, H, W) or (n, H, W, 3), as `read_picture` does.

    Raises:
        OSError: The file cannot be opened.
        ValueError: It is not a film that can be read, or its frames differ in size or do not fit in memory.
    """
    with open_film(file) as film:
        expected = math.ceil(film.count / every)
        _require_frames(expected, math.prod(_target(film.height, film.width, size)) * _CHANNELS[color])
        pixels = (_pixels(frame, color, size) for frame in islice(film.frames, 0, None, every))
        return _samples(list(_alike(pixels, expected)))


def _still(file: Path | Traversable, color: Color, size: Size, most: int | None = None) -> Pixels:
    with open_picture(file) as film:
        if most is not None and max(film.height, film.width) > most:
            size = most
        require_memory("pixels", math.prod(_target(film.height, film.width, size)), _STILL_BYTES * _CHANNELS[color])
        return _pixels(next(film.frames), color, size)


def _alike(frames: Iterator[Pixels], expected: int) -> Iterator[Pixels]:
    """Yield the frames while they fit in memory and have one size, whatever the header said."""
    shape: tuple[int, ...] = ()
    for number, frame in enumerate(frames, 1):
        if not shape or number > expected:
            _require_frames(max(number, expected), frame.size)
        shape = shape or frame.shape
        if frame.shape != shape:
            sizes = " and ".join(f"{height} × {width}" for height, width, *_ in (shape, frame.shape))
            raise ValueError(f"the film has frames of {sizes} pixels: give them one with 'size: [height, width]'")
        yield frame


def _require_frames(count: int, values: int) -> None:
    try:
        require_memory("frames", count, _BYTES * values)
    except ValueError as error:
        raise ValueError(f"{error} ('every'), or scale them down ('size')") from None


def _pixels(picture: Image, color: Color, size: Size) -> Pixels:
    picture = picture.convert("L" if color == "grey" else "RGB")
    if size is not None:
        height, width = _target(picture.height, picture.width, size)
        picture = picture.resize((width, height))
    return np.asarray(picture)


def _target(height: int, width: int, size: Size) -> tuple[int, int]:
    if not isinstance(size, int):
        return size or (height, width)
    scale = size / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _samples(pixels: Sequence[Pixels]) -> Tensor:
    samples = np.stack(pixels).astype(np.float32)
    samples /= 127.5
    samples -= 1
    return torch.from_numpy(samples)
