"""A film as a data set of images."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field

from noisereel.contracts.dataset import Data, Dataset, LoadContext

from .pictures import Color, LocalPath, Size, read_film

__all__ = ["Clip"]


class Clip(Dataset):
    """The frames of an animation or a video, in [−1, 1]: ``{clip: film.gif}``.

    Reads animations in GIF, PNG, TIFF and WebP, and videos in MP4, MOV, WebM and MKV. Frames are complete, as a viewer
    shows them, and in order; hue runs from 0 at the first to 1 at the last. Transparent parts become white.
    """

    primary: ClassVar[str | None] = "path"

    path: LocalPath
    """The file; relative to the scene's folder."""
    size: Size = None
    """[height, width] in pixels; or the longer side, proportions kept; the film's own where left out."""
    color: Color = "rgb"
    """Luminance alone, or colours."""
    every: int = Field(default=1, ge=1)
    """Step between the frames that are kept, from the first on: 1 keeps all of them, 10 every tenth."""

    def load(self, ctx: LoadContext) -> Data:
        """Read the frames, shape (n, H, W) or (n, H, W, 3).

        Raises:
            OSError: The file cannot be opened.
            ValueError: It is not a film that can be read, or its frames differ in size or do not fit in memory.
        """
        x0 = read_film(ctx.folder / self.path.expanduser(), self.color, self.size, self.every)
        return Data(x0, hue=torch.linspace(0, 1, len(x0)))
