"""Point clouds: their base classes, and functions that draw points along lines and inside regions."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from noisereel.contracts.dataset import Data, Dataset, LoadContext
from noisereel.support.memory import require_memory

__all__ = ["Cloud", "Count", "Draws", "Shape", "Sheet", "along", "choose", "within"]

Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
"""Number of samples."""

_BYTES = 28  # per coordinate at the peak: three times in float64 while it is computed, once in float32 to keep it
_CANDIDATES = 2**18  # points tried at a time, to bound memory
_MAX_EMPTY_ROUNDS = 20  # rounds without a point inside, after which the region is taken to be empty


class Shape(NamedTuple):
    """Points of a shape, without noise.

    Attributes:
        x: The points, shape (n, D), float64.
        hue: Hue of each point, shape (n,), in [0, 1].
        labels: Class of each point, shape (n,), int64; None if the shape has no parts.
    """

    x: Tensor
    hue: Tensor
    labels: Tensor | None = None


class Draws:
    """Keyed random numbers, one for each point."""

    def __init__(self, ctx: LoadContext, n: int) -> None:
        self.n = n
        self._draw = ctx.draw

    def uniform(self, name: str) -> Tensor:
        """Draw uniform numbers in [0, 1), shape (n,), float64."""
        return self._draw.uniform(self.n, name=name).double()

    def normal(self, columns: int, name: str) -> Tensor:
        """Draw standard normal numbers, shape (n, columns), float64."""
        return self._draw.normal(self.n, columns, name=name).double()


class Cloud(Dataset):
    """Points of a shape, with optional Gaussian noise."""

    n: Count = 10_000
    """Number of points."""
    noise: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Standard deviation of Gaussian noise on each coordinate."""

    @property
    def dimensions(self) -> int:
        """Number of coordinates of a point."""
        return 2

    @abstractmethod
    def shape(self, draw: Draws) -> Shape:
        """Draw the points without noise."""

    def load(self, ctx: LoadContext) -> Data:
        """Draw the points, shape (n, D).

        Raises:
            ValueError: The points do not fit into memory.
        """
        require_memory("points", self.n, _BYTES * (self.dimensions + 2))
        x, hue, labels = self.shape(Draws(ctx, self.n))
        if self.noise:
            x = x + self.noise * ctx.draw.normal(*x.shape, name="noise")
        return Data(x.float(), labels, hue.clamp(0, 1).float())


class Sheet(Cloud):
    """A curve in the plane or, with a third axis inserted between its two, a sheet in space."""

    width: ClassVar[float]

    dims: Literal[2, 3] = 2
    """2 for a curve in the plane, 3 for a sheet in space."""

    @property
    def dimensions(self) -> int:
        return self.dims

    @abstractmethod
    def curve(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Return both coordinates of the curve's points at parameters u in [0, 1), shape (n,)."""

    def shape(self, draw: Draws) -> Shape:
        u = draw.uniform("parameter")
        x, z = self.curve(u)
        between = [self.width * (draw.uniform("width") - 0.5)] if self.dims == 3 else []
        return Shape(torch.stack([x, *between, z], 1), u)


def choose(weights: Tensor, u: Tensor) -> Tensor:
    """Return the index of the part that each of n uniform numbers falls into, shape (n,), for weights of shape (k,)."""
    edges = (weights / weights.sum()).cumsum(0)[:-1]
    return torch.searchsorted(edges.to(u.dtype), u, right=True)


def along(segments: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """Spread points evenly along straight lines.

    Args:
        segments: Ends of each line, shape (k, 2, D).
        u: Uniform numbers in [0, 1), shape (n,).

    Returns:
        The points, shape (n, D), and the index of each point's line, shape (n,).
    """
    lengths = (segments[:, 1] - segments[:, 0]).norm(dim=1)
    line = choose(lengths, u)
    starts = (lengths.cumsum(0) - lengths) / lengths.sum()
    share = (u - starts[line]) * lengths.sum() / lengths[line]
    return torch.lerp(segments[line, 0], segments[line, 1], share[:, None]), line


def within(ctx: LoadContext, n: int, low: Tensor, high: Tensor, inside: Callable[[Tensor], Tensor]) -> Tensor:
    """Draw points uniformly from the part of a box that is inside a region, shape (n, D), float64.

    Args:
        ctx: Source of random numbers.
        n: Number of points.
        low: Lowest corner of the box, shape (D,).
        high: Highest corner.
        inside: Maps points, shape (m, D), to whether each is inside the region, shape (m,).

    Raises:
        ValueError: No part of the box seems to be inside.
    """
    accepted: list[Tensor] = []
    count, rounds = 0, 0
    while count < n:
        if rounds == _MAX_EMPTY_ROUNDS and not count:
            raise ValueError("there is no area to draw points from")
        u = ctx.draw.uniform(min(max(1024, 2 * n), _CANDIDATES), len(low), name=f"candidates {rounds}").double()
        points = low + u * (high - low)
        accepted.append(points[inside(points)])
        count, rounds = count + len(accepted[-1]), rounds + 1
    return torch.cat(accepted)[:n]
