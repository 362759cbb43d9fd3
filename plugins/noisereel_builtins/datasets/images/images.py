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

    All are scaled to one size. Folders inside it are classes: the label tells which one, and hue follows it. Hidden
    files and folders do not count; a file that cannot be read is left out with a warning.
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
            ValueError: The folder holds no picture that can be read, or more than fit in memory.
        """
        folder = ctx.folder / self.folder.expanduser()
        classes = [folder, *(each for each in _visible(folder) if each.is_dir())]
        found = [(i, file) for i, each in enumerate(classes) for file in _visible(each) if _is_picture(file)]
        if not found:
            raise ValueError(f"{folder}: there is no picture in this folder ({', '.join(sorted(_SUFFIXES))})")
        x0, left_out = read_pictures([file for _, file in found], self.color, self.size)
        if left_out:
            others = f" and {len(left_out) - 1} more" if len(left_out) > 1 else ""
            ctx.warn(f"{len(x0)} of {len(found)} pictures are read: {next(iter(left_out.values()))}{others}")
        kept = [i for at, (i, _) in enumerate(found) if at not in left_out]
        ids, labels = torch.unique(torch.tensor(kept), return_inverse=True)
        return Data(x0) if len(ids) == 1 else Data(x0, labels, labels / (len(ids) - 1))


def _visible(folder: Path) -> list[Path]:
    """Return what is in a folder, without hidden files and folders."""
    return sorted(each for each in folder.iterdir() if not each.name.startswith("."))


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in _SUFFIXES and file.is_file()
