"""The mandrill: a classic test image."""

from __future__ import annotations

from importlib.resources import files

from pydantic import Field

from noisereel.contracts.dataset import Data, Dataset, LoadContext

from .pictures import read_picture

__all__ = ["Mandrill"]


class Mandrill(Dataset):
    """The mandrill of the USC-SIPI collection (4.2.03), in [−1, 1], 512 × 512 pixels unless resized."""

    color: bool = False
    """Keep the colours; if false, luminance only."""
    size: int = Field(default=512, ge=1, le=8192)
    """Height and width in pixels."""

    def load(self, ctx: LoadContext) -> Data:
        """Read the image, shape (1, size, size) or (1, size, size, 3)."""
        file = files("noisereel_builtins") / "data" / "mandrill.png"
        return Data(read_picture(file, "rgb" if self.color else "grey", (self.size, self.size)))
