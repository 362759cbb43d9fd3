"""Colour photographs that come with scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from noisereel.contracts.dataset import Data, Dataset, LoadContext

from ...optional_deps import need
from .pictures import read_picture

__all__ = ["Photo"]


class Photo(Dataset):
    """A colour photograph of 640 × 427 pixels in [−1, 1]: a temple in China, or a flower.

    Both come with scikit-learn.
    """

    primary: ClassVar[str | None] = "name"

    name: Literal["china", "flower"] = "china"
    """The photograph."""
    size: int = Field(default=640, ge=1, le=8192)
    """Width in pixels; the proportions are kept."""

    def load(self, ctx: LoadContext) -> Data:
        """Read the photograph, shape (1, H, W, 3).

        Raises:
            ValueError: scikit-learn is not installed.
        """
        (folder,) = need("sklearn.datasets", "photo", "scikit-learn").__path__
        return Data(read_picture(Path(folder) / "images" / f"{self.name}.jpg", "rgb", self.size))
