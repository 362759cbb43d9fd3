"""Any picture as a data set of one."""

from __future__ import annotations

from typing import ClassVar

from noisereel.contracts.dataset import Data, Dataset, LoadContext

from .pictures import Color, LocalPath, Size, read_picture

__all__ = ["Image"]


class Image(Dataset):
    """One picture from a file, in [−1, 1]: ``{image: logo.png}``.

    Reads BMP, GIF, JPEG, PNG, TIFF and WebP, of an animation the first frame. Transparent parts become white.
    """

    primary: ClassVar[str] = "path"

    path: LocalPath
    """The file; relative to the scene's folder."""
    size: Size = None
    """[height, width] in pixels; or the longer side, proportions kept; the picture's own where left out."""
    color: Color = "rgb"
    """Luminance alone, or colours."""

    def load(self, ctx: LoadContext) -> Data:
        """Read the picture, shape (1, H, W) or (1, H, W, 3).

        Raises:
            OSError: The file cannot be opened.
            ValueError: It is not a picture that can be read, or it does not fit in memory.
        """
        return Data(read_picture(ctx.folder / self.path.expanduser(), self.color, self.size))
