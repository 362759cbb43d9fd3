"""The S-curve: two joined half circles."""

from __future__ import annotations

import math
from typing import ClassVar

from torch import Tensor

from .cloud import Sheet

__all__ = ["SCurve"]


class SCurve(Sheet):
    """Points on an S within [−1, 1]²: (sin t, sign(t)·(cos t − 1)/2) with t = 3π(u − ½), u uniform.

    As scikit-learn's ``make_s_curve``, with the vertical axis halved and without the second axis, which ``dims: 3``
    adds: 2v − 1, v uniform. Hue runs along the curve.
    """

    width: ClassVar[float] = 2.0

    def curve(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Return (sin t, sign(t)·(cos t − 1)/2)."""
        t = 3 * math.pi * (u - 0.5)
        return t.sin(), t.sign() * (t.cos() - 1) / 2
