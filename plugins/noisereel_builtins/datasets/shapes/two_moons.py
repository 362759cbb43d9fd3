"""Two moons: half circles that reach into one another."""

from __future__ import annotations

import math

import torch

from .cloud import Cloud, Draws, Shape

__all__ = ["TwoMoons"]


class TwoMoons(Cloud):
    """Points ±(cos πu − ½, sin πu − ¼), u uniform, half of them with either sign: centred on 0, 3 wide, 1.5 high.

    The shape is that of scikit-learn's ``make_moons``, centred. The label is the moon; hue runs along the two in turn.
    """

    def shape(self, draw: Draws) -> Shape:
        u, label = draw.uniform("parameter"), (draw.uniform("moon") < 0.5).long()
        x = torch.stack([(math.pi * u).cos() - 0.5, (math.pi * u).sin() - 0.25], 1)
        return Shape((1 - 2 * label[:, None]) * x, (label + u) / 2, label)
