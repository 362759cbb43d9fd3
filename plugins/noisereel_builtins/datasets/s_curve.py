"""The s-curve: two half circles, joined."""

from __future__ import annotations

import math
from typing import Literal

import torch

from .cloud import Cloud, Draws, Shape

__all__ = ["SCurve"]


class SCurve(Cloud):
    """Points (sin t, sign(t)·(cos t − 1)/2) with t = 3π(u − ½), u uniform: an S within [−1, 1]².

    The formula is that of scikit-learn's ``make_s_curve`` without its second axis, the upright one halved; with
    ``dims: 3`` that axis is there, 2v − 1, v uniform. Hue runs along the curve.
    """

    dims: Literal[2, 3] = 2
    """A curve in the plane, or a bent sheet in space."""

    @property
    def dimensions(self) -> int:
        return self.dims

    def shape(self, draw: Draws) -> Shape:
        u = draw.uniform("parameter")
        t = 3 * math.pi * (u - 0.5)
        axes = [t.sin(), t.sign() * (t.cos() - 1) / 2]
        if self.dims == 3:
            axes.insert(1, 2 * draw.uniform("width") - 1)
        return Shape(torch.stack(axes, 1), u)
