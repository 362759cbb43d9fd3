"""Handwritten digits, 8 × 8."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import torch

from noisereel.contracts.dataset import Data, Dataset, LoadContext

from ..tables.labelled import Classes, labelled

__all__ = ["Digits"]


class Digits(Dataset):
    """1,797 handwritten digits, 8 × 8 pixels in [−1, 1], bright on dark; the label is the digit, and hue follows it.

    References:
        Alpaydin and Kaynak (1998), "Optical recognition of handwritten digits", UCI machine learning repository,
        doi:10.24432/C50P49; its test set.
    """

    classes: Classes = ()
    """Digits to include; all if empty."""

    def load(self, ctx: LoadContext) -> Data:
        """Read the digits, shape (n, 8, 8)."""
        with (files("noisereel_builtins") / "data" / "digits.npz").open("rb") as file, np.load(file) as arrays:
            images, labels = (torch.from_numpy(arrays[name]) for name in ("images", "labels"))
        return labelled(images.float() / 8 - 1, labels.long(), self.classes)
