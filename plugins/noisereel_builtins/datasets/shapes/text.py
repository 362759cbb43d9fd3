"""A word drawn as points."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from noisereel.contracts.dataset import Data, Dataset, LoadContext
from noisereel.support.markup import with_formulas
from noisereel.support.memory import require_memory

from .cloud import Count, within

__all__ = ["Text"]


class Text(Dataset):
    """Points spread evenly over the letters of a word: ``{text: noise}``. Hue runs from left to right.

    Latin, Greek and Cyrillic letters are the same everywhere, as their fonts come with matplotlib; those of other
    scripts come from installed fonts. The text is centred on 0, and its longer side is 2·``extent``. A line break
    starts a new line.
    """

    primary: ClassVar[str | None] = "text"

    text: str = Field(min_length=1, max_length=200)
    """The text."""
    font: Literal["sans", "serif", "mono"] = "sans"
    """Font family."""
    bold: bool = True
    """Use bold letters, which stay legible under more noise."""
    n: Count = 10_000
    """Number of points."""
    extent: float = Field(default=2.0, gt=0, allow_inf_nan=False)
    """Half the length of the longer side."""

    def load(self, ctx: LoadContext) -> Data:
        """Draw the points, shape (n, 2).

        Raises:
            ValueError: The text has nothing to draw, or letters that no font has.
        """
        require_memory("points", self.n, 112)
        outlines = [torch.from_numpy(outline) for outline in self._outlines()]
        if not outlines:
            raise ValueError(f"there is nothing to draw in {self.text!r}")
        corners = torch.cat(outlines)
        low, high = corners.amin(0), corners.amax(0)
        points = within(ctx, self.n, low, high, lambda p: _winding(p, outlines) != 0)
        x = (points - (low + high) / 2) * (2 * self.extent / float((high - low).max()))
        return Data(x.float(), hue=((points[:, 0] - low[0]) / (high - low)[0]).float().clamp(0, 1))

    def _outlines(self) -> list[NDArray[np.float64]]:
        """Return the letters' closed outlines, each of shape (corners, 2); holes run in the opposite direction."""
        from matplotlib.font_manager import FontProperties
        from matplotlib.textpath import TextPath

        from noisereel.support.fonts import families, missing_letters

        family = {"sans": "DejaVu Sans", "serif": "DejaVu Serif", "mono": "DejaVu Sans Mono"}[self.font]
        if message := missing_letters(self.text, family):
            raise ValueError(message)
        letters = FontProperties(family=families(self.text, family), weight="bold" if self.bold else "normal")
        lines = [(i, line) for i, line in enumerate(self.text.split("\n")) if line.strip()]
        paths = [
            TextPath((0, -120 * i), with_formulas(line), size=100, prop=letters, usetex=False) for i, line in lines
        ]
        outlines = [np.asarray(outline, np.float64) for path in paths for outline in path.to_polygons()]
        return [outline for outline in outlines if len(outline) > 2]


def _winding(points: Tensor, outlines: list[Tensor]) -> Tensor:
    """Return the winding number of the outlines around each point, shape (n,)."""
    total = torch.zeros(len(points), dtype=torch.int64)
    for outline in outlines:
        low, high = outline.amin(0), outline.amax(0)
        near = ((points >= low) & (points <= high)).all(1).nonzero().squeeze(1)
        total[near] += _crossings(points[near], outline, outline.roll(-1, 0))
    return total


def _crossings(points: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Count the edges from a to b that cross the ray to the right of each point: +1 upwards, −1 downwards."""
    total = torch.zeros(len(points), dtype=torch.int64)
    for (ax, ay), (bx, by) in zip(a.tolist(), b.tolist(), strict=True):
        left = (bx - ax) * (points[:, 1] - ay) - (points[:, 0] - ax) * (by - ay)
        upwards = (ay <= points[:, 1]) & (points[:, 1] < by) & (left > 0)
        downwards = (by <= points[:, 1]) & (points[:, 1] < ay) & (left < 0)
        total += upwards.long() - downwards.long()
    return total
