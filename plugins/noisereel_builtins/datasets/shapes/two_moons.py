"""Two moons: interleaving half circles."""

from __future__ import annotations

import math

import torch

from .cloud import Cloud, Draws, Shape

__all__ = ["TwoMoons"]


class TwoMoons(Cloud):
    """Points on two interleaving half circles: ±(cos πu − ½, sin πu − ¼), u uniform, both signs equally likely.

    As scikit-learn's ``make_moons``, but centred on 0: 3 wide and 1.5 high. The label is the moon; hue runs along one
    and then the other.
    """

    def shape(self, draw: Draws) -> Shape:
        u, label = draw.uniform("parameter"), (draw.uniform("moon") < 0.5).long()
        x = torch.stack([(math.pi * u).cos() - 0.5, (math.pi * u).sin() - 0.25], 1)
        return Shape((1 - 2 * label[:, None]) * x, (label + u) / 2, label)
