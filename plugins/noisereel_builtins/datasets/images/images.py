"""A folder of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import torch

from noisereel.contracts.dataset import Data, Dataset, LoadContext

from .pictures import Color, LocalPath, Side, read_pictures

__all__ = ["Images"]

_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"}


class Images(Dataset):
    """The pictures of a folder, in [−1, 1], in the order of their names: ``{images: photos}``.

    All are scaled to one size. Folders inside it are classes: the label tells which one, and hue follows it.
    """

    primary: ClassVar[str | None] = "folder"

    folder: LocalPath
    """The folder; relative to the scene's."""
    size: tuple[Side, Side] = (64, 64)
    """[height, width] in pixels."""
    color: Color = "grey"
    """Luminance alone, or colours."""

    def load(self, ctx: LoadContext) -> Data:
        """Read the pictures, shape (n, H, W) or (n, H, W, 3).

        Raises:
            OSError: The folder or a file cannot be read.
            ValueError: The folder holds no picture, one that cannot be read, or more than fit in memory.
        """
        folder = ctx.folder / self.folder.expanduser()
        classes = [folder, *sorted(each for each in folder.iterdir() if each.is_dir())]
        found = [(i, file) for i, each in enumerate(classes) for file in sorted(each.iterdir()) if _is_picture(file)]
        if not found:
            raise ValueError(f"{folder}: there is no picture in this folder ({', '.join(sorted(_SUFFIXES))})")
        x0 = read_pictures([file for _, file in found], self.color, self.size)
        ids, labels = torch.unique(torch.tensor([i for i, _ in found]), return_inverse=True)
        return Data(x0) if len(ids) == 1 else Data(x0, labels, labels / (len(ids) - 1))


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in _SUFFIXES and file.is_file()
