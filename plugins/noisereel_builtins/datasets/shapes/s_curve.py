"""The s-curve: two half circles, joined."""

from __future__ import annotations

import math
from typing import ClassVar

from torch import Tensor

from .cloud import Sheet

__all__ = ["SCurve"]


class SCurve(Sheet):
    """Points (sin t, sign(t)·(cos t − 1)/2) with t = 3π(u − ½), u uniform: an S within [−1, 1]².

    The formula is that of scikit-learn's ``make_s_curve`` without its second axis, the upright one halved; with
    ``dims: 3`` that axis is there, 2v − 1, v uniform. Hue runs along the curve.
    """

    width: ClassVar[float] = 2.0

    def curve(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """(sin t, sign(t)·(cos t − 1)/2)."""
        t = 3 * math.pi * (u - 0.5)
        return t.sin(), t.sign() * (t.cos() - 1) / 2
