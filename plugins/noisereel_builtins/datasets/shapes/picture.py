"""A picture turned into points."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from noisereel.contracts.dataset import Data, Dataset, LoadContext
from noisereel.support.memory import require_memory

from ..images.pictures import LocalPath, read_picture
from .cloud import Count

__all__ = ["Picture"]


class Picture(Dataset):
    """Points as dense as a picture is dark: ``{picture: logo.png}``.

    The centre is 0 and the longer side 2·``extent``. What is transparent counts as white. With ``color`` the points
    keep the picture's colours, else hue is the angle about the centre.
    """

    primary: ClassVar[str | None] = "path"

    path: LocalPath
    """The file; relative to the scene's folder."""
    n: Count = 10_000
    """Number of points."""
    color: bool = False
    """Keep the picture's colours."""
    invert: bool = False
    """Take bright as dense instead of dark."""
    threshold: float = Field(default=0.05, ge=0, lt=1)
    """Darkness below which a pixel counts as empty, from 0, white, to 1, black."""
    extent: float = Field(default=1.5, gt=0, allow_inf_nan=False)
    """Half the length of the longer side."""
    detail: int = Field(default=512, ge=1, le=8192)
    """Pixels of the longer side, to which larger pictures are scaled down."""

    def load(self, ctx: LoadContext) -> Data:
        """Draw the points, shape (n, 2).

        Raises:
            OSError: The file cannot be opened.
            ValueError: It is not a picture that can be read, is blank, or does not fit in memory.
        """
        require_memory("points", self.n, 112)
        file = ctx.folder / self.path.expanduser()
        pixels = self._pixels(file)
        height, width = pixels.shape[:2]
        chosen = self._choose(pixels, ctx, file)
        jitter = ctx.draw.uniform(self.n, 2, name="within the pixel").double()
        place = torch.stack([chosen % width + jitter[:, 0], height - chosen // width - jitter[:, 1]], 1)
        x = (place - torch.tensor([width, height]) / 2) * (2 * self.extent / max(width, height))
        if self.color:
            shade, palette = _quantised(pixels)
            return Data(x.float(), hue=shade[chosen].float() / 255, palette=palette)
        return Data(x.float(), hue=(torch.atan2(x[:, 1], x[:, 0]) / (2 * torch.pi) + 0.5).float())

    def _pixels(self, file: Path) -> Tensor:
        """The picture in [0, 1], shape (H, W, 3)."""
        return (read_picture(file, "rgb", None, self.detail)[0] + 1) / 2

    def _choose(self, pixels: Tensor, ctx: LoadContext, file: Path) -> Tensor:
        """Pixels drawn by their darkness, shape (n,)."""
        bright = pixels.double() @ torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)
        dark = (bright if self.invert else 1 - bright).flatten()
        dark = torch.where(dark > self.threshold, dark, 0.0)
        if not bool(dark.any()):
            kind, other = ("bright", "false") if self.invert else ("dark", "true")
            raise ValueError(f"{file}: nothing in the picture is {kind}; 'invert: {other}' takes the rest of it")
        return torch.searchsorted(dark.cumsum(0), ctx.draw.uniform(self.n, name="pixel").double() * dark.sum())


def _quantised(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """The picture in 256 colours: which each pixel has, shape (H·W,), and the colours, shape (256, 3), uint8."""
    from PIL import Image

    picture = Image.fromarray((pixels.numpy() * 255).round().astype(np.uint8)).quantize(256)
    colors = np.zeros((256, 3), np.uint8)
    found = np.array(picture.getpalette(), np.uint8).reshape(-1, 3)
    colors[: len(found)] = found
    return torch.from_numpy(np.array(picture).flatten().astype(np.int64)), torch.from_numpy(colors)
