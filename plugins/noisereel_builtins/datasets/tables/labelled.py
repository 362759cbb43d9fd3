"""Labelled digits: parts that the data sets of handwritten digits share."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from noisereel.contracts.dataset import Data

__all__ = ["Classes", "labelled"]

Classes = tuple[Annotated[int, Field(ge=0, le=9)], ...]
"""Digits from 0 to 9."""


def labelled(x0: Tensor, labels: Tensor, classes: Classes) -> Data:
    """Return the samples of the given classes, or of all if none is given; hue spreads over them from 0 to 1."""
    chosen = torch.tensor(sorted(set(classes)) or range(10))
    kept = torch.isin(labels, chosen)
    x0, labels = x0[kept], labels[kept]
    hue = torch.searchsorted(chosen, labels) / max(1, len(chosen) - 1)
    return Data(x0, labels.long(), hue.float())
