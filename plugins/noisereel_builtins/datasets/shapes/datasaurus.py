"""The Datasaurus: 142 points that draw a dinosaur."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import torch
from torch import Tensor

from noisereel.contracts.dataset import Data, Dataset, LoadContext

__all__ = ["Datasaurus"]


class Datasaurus(Dataset):
    """142 points in the shape of a dinosaur, centred and scaled by one mean and one standard deviation.

    One scale for both axes keeps its proportions: the standard deviations are 0.74 horizontally and 1.19
    vertically. Hue is the angle around the centre, clockwise from the left.

    References:
        Cairo (2016); Matejka and Fitzmaurice (2017), "Same Stats, Different Graphs", CHI.
    """

    raw: bool = False
    """Keep the points as published, within [0, 100]²."""

    def load(self, ctx: LoadContext) -> Data:
        """Read the points, shape (142, 2)."""
        with (files("noisereel_builtins") / "data" / "datasaurus.csv").open(encoding="utf-8") as table:
            x = torch.from_numpy(np.loadtxt(table, delimiter=",", skiprows=1))
        if not self.raw:
            x = (x - x.mean()) / x.std()
        return Data(x.float(), hue=_turn(x - x.mean(0)).float())


def _turn(v: Tensor) -> Tensor:
    """Return the angle of each vector clockwise from the left, as a share of a full turn in [0, 1]."""
    return 0.5 - torch.atan2(v[:, 1], v[:, 0]) / (2 * torch.pi)
