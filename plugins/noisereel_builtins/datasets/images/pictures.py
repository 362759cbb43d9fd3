"""Reading pictures: what the data sets of images share."""

from __future__ import annotations

from importlib.resources.abc import Traversable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Color", "read_picture"]

Color = Literal["grey", "rgb"]


def read_picture(file: Path | Traversable, color: Color, size: int | tuple[int, int] | None) -> Tensor:
    """Read a picture as one sample in [−1, 1], shape (1, H, W) if grey, (1, H, W, 3) if RGB.

    Transparent parts become white; a camera's orientation mark is followed.

    Args:
        file: The picture.
        color: Luminance alone, or colours.
        size: (height, width); or the longer side, proportions kept; or None for the picture's own.

    Raises:
        OSError: The file cannot be opened.
        ValueError: It holds no picture that can be read.
    """
    with file.open("rb") as stream:
        picture = _opaque(_decoded(stream, file)).convert("L" if color == "grey" else "RGB")
    if size is not None:
        height, width = size if isinstance(size, tuple) else _fitted(picture.height, picture.width, size)
        picture = picture.resize((width, height))
    return torch.from_numpy(np.asarray(picture, np.float32) / 127.5 - 1)[None]


def _decoded(stream: IO[bytes], file: Path | Traversable) -> Image:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        return ImageOps.exif_transpose(Image.open(stream))
    except UnidentifiedImageError:
        raise ValueError(f"{file}: not a picture in a format that can be read") from None
    except Exception as error:  # decoders meet damaged files with whatever goes wrong first: SyntaxError, EOFError …
        raise ValueError(f"{file}: the picture cannot be read: {error}") from error


def _opaque(picture: Image) -> Image:
    from PIL import Image

    if picture.mode.startswith("I"):  # 16 bits: Pillow's own conversion would cut everything above 255
        return Image.fromarray((np.asarray(picture) / 257).round().clip(0, 255).astype(np.uint8))
    if not picture.has_transparency_data:
        return picture
    layer = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)


def _fitted(height: int, width: int, longer: int) -> tuple[int, int]:
    scale = longer / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))
