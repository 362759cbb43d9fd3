"""Photographs in colour that come with scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from noisereel.contracts.dataset import Data, Dataset, LoadContext

from ...optional_deps import need
from .pictures import read_picture

__all__ = ["Photo"]


class Photo(Dataset):
    """A photograph of 640 × 427 pixels in [−1, 1], in colours: a temple in China, or a flower.

    They come with scikit-learn.
    """

    primary: ClassVar[str | None] = "name"

    name: Literal["china", "flower"] = "china"
    """Which one."""
    size: int = Field(default=640, ge=1, le=8192)
    """Its width in pixels."""

    def load(self, ctx: LoadContext) -> Data:
        """Read the photograph, shape (1, H, W, 3).

        Raises:
            ValueError: scikit-learn is missing.
        """
        (folder,) = need("sklearn.datasets", "photo", "scikit-learn").__path__
        return Data(read_picture(Path(folder) / "images" / f"{self.name}.jpg", "rgb", self.size))
