"""Handwritten digits, 8 × 8."""

from __future__ import annotations

from typing import Any

import torch

from noisereel.dataset import Data, Dataset, Load

from ..extras import need
from .labelled import Classes, labelled

__all__ = ["Digits"]


class Digits(Dataset):
    """1,797 handwritten digits of 8 × 8 pixels in [−1, 1], strokes bright; the label is the digit, and hue follows it.

    They come with scikit-learn.

    References:
        Alpaydin and Kaynak (1998), "Optical recognition of handwritten digits", UCI machine learning repository.
    """

    classes: Classes = ()
    """Which digits; all where left out."""

    def load(self, ctx: Load) -> Data:
        """Read the digits, shape (n, 8, 8).

        Raises:
            ValueError: scikit-learn is missing.
        """
        found: Any = need("sklearn.datasets", "digits", "scikit-learn").load_digits()
        return labelled(torch.from_numpy(found.images / 8 - 1).float(), torch.from_numpy(found.target), self.classes)
