"""A smiling face."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .cloud import Cloud, Draws, Shape, choose

__all__ = ["Smiley"]

_RADII = (1.0, 0.12, 0.12, 0.6)
_CENTRES = ((0.0, 0.0), (-0.35, 0.3), (0.35, 0.3), (0.0, 0.0))
_ARCS = ((0.0, 2.0), (0.0, 2.0), (0.0, 2.0), (1.15, 1.85))  # in multiples of π


class Smiley(Cloud):
    """Points of a smiling face: on its outline (the unit circle), in two eyes and along a mouth.

    The label is the part: 0 face, 1 and 2 eyes, 3 mouth; hue follows it.
    """

    def shape(self, draw: Draws) -> Shape:
        part = choose(torch.tensor([0.5, 0.125, 0.125, 0.25]), draw.uniform("part"))
        begin, end = _tensor(_ARCS)[part].T * math.pi
        angle = torch.lerp(begin, end, draw.uniform("angle"))
        eye = (part == 1) | (part == 2)
        radius = _tensor(_RADII)[part] * torch.where(eye, draw.uniform("depth").sqrt(), 1.0)
        x = _tensor(_CENTRES)[part] + radius[:, None] * torch.stack([angle.cos(), angle.sin()], 1)
        return Shape(x, torch.tensor([0.0, 0.45, 0.55, 1.0])[part], part)


def _tensor(numbers: tuple[float | tuple[float, ...], ...]) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)
