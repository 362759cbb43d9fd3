"""Any picture as a data set of one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from noisereel.contracts.dataset import Data, Dataset, LoadContext

from .pictures import Color, read_picture

__all__ = ["Image"]

Side = Annotated[int, Field(ge=1, le=8192)]


class Image(Dataset):
    """One picture from a file, in [−1, 1]: ``{image: logo.png}``.

    Reads what Pillow reads (PNG, JPEG, WebP, TIFF …). Transparent parts become white.
    """

    primary: ClassVar[str] = "path"

    path: Path
    """The file; relative to the scene's folder."""
    size: Side | tuple[Side, Side] | None = None
    """[height, width] in pixels; or the longer side, proportions kept; the picture's own where left out."""
    color: Color = "rgb"
    """Luminance alone, or colours."""

    def load(self, ctx: LoadContext) -> Data:
        """Read the picture, shape (1, H, W) or (1, H, W, 3).

        Raises:
            OSError: The file cannot be opened.
            ValueError: It holds no picture that can be read.
        """
        return Data(read_picture(ctx.folder / self.path.expanduser(), self.color, self.size))
