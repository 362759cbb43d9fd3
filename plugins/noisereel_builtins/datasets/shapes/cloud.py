"""What the drawn shapes share: how many points, noise on them, and drawing along lines and within outlines."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from noisereel.contracts.dataset import Data, Dataset, LoadContext
from noisereel.support.memory import require_memory

__all__ = ["Cloud", "Count", "Shape", "Sheet", "along", "choose", "within"]

Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
"""A number of samples."""

_BYTES = 28  # each coordinate at the peak: float64 three times while it is computed, float32 once when it is kept
_CANDIDATES = 2**18  # points tried at a time: memory stays bounded
_IN_VAIN = 20  # rounds without a single point inside, after which there is none


class Shape(NamedTuple):
    """Points of a shape, without noise.

    Attributes:
        x: The points, shape (n, D), float64.
        hue: A colour each, shape (n,), in [0, 1].
        labels: A class each, shape (n,), int64, where the shape has parts.
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
        """Uniform in [0, 1), shape (n,), float64."""
        return self._draw.uniform(self.n, name=name).double()

    def normal(self, columns: int, name: str) -> Tensor:
        """Standard normal, shape (n, columns), float64."""
        return self._draw.normal(self.n, columns, name=name).double()


class Cloud(Dataset):
    """Points of a shape, with Gaussian noise if asked for."""

    n: Count = 10_000
    """Number of points."""
    noise: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Standard deviation of Gaussian noise on each coordinate."""

    @property
    def dimensions(self) -> int:
        """Coordinates of a point."""
        return 2

    @abstractmethod
    def shape(self, draw: Draws) -> Shape:
        """The points without noise."""

    def load(self, ctx: LoadContext) -> Data:
        """Draw the points, shape (n, D).

        Raises:
            ValueError: So many do not fit into memory.
        """
        require_memory("points", self.n, _BYTES * (self.dimensions + 2))
        x, hue, labels = self.shape(Draws(ctx, self.n))
        if self.noise:
            x = x + self.noise * ctx.draw.normal(*x.shape, name="noise")
        return Data(x.float(), labels, hue.clamp(0, 1).float())


class Sheet(Cloud):
    """A curve in the plane or, with a second axis between the curve's two, a sheet in space."""

    width: ClassVar[float]

    dims: Literal[2, 3] = 2
    """A curve in the plane, or a sheet in space."""

    @property
    def dimensions(self) -> int:
        return self.dims

    @abstractmethod
    def curve(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Both coordinates of the points at u, uniform along the curve."""

    def shape(self, draw: Draws) -> Shape:
        u = draw.uniform("parameter")
        x, z = self.curve(u)
        between = [self.width * (draw.uniform("width") - 0.5)] if self.dims == 3 else []
        return Shape(torch.stack([x, *between, z], 1), u)


def choose(weights: Tensor, u: Tensor) -> Tensor:
    """Which part each of n uniform numbers falls into, shape (n,), if parts have these weights, shape (k,)."""
    edges = (weights / weights.sum()).cumsum(0)[:-1]
    return torch.searchsorted(edges.to(u.dtype), u, right=True)


def along(segments: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """Points spread evenly along straight lines.

    Args:
        segments: Ends of each line, shape (k, 2, D).
        u: Uniform numbers, shape (n,).

    Returns:
        The points, shape (n, D), and the line that each lies on, shape (n,).
    """
    lengths = (segments[:, 1] - segments[:, 0]).norm(dim=1)
    line = choose(lengths, u)
    begins = (lengths.cumsum(0) - lengths) / lengths.sum()
    share = (u - begins[line]) * lengths.sum() / lengths[line]
    return torch.lerp(segments[line, 0], segments[line, 1], share[:, None]), line


def within(ctx: LoadContext, n: int, low: Tensor, high: Tensor, inside: Callable[[Tensor], Tensor]) -> Tensor:
    """Points uniform over the part of a box that lies inside something, shape (n, D), float64.

    Args:
        ctx: Where random numbers come from.
        n: How many.
        low: Lowest corner of the box, shape (D,).
        high: Highest corner.
        inside: Which of some points, shape (m, D), lie inside, shape (m,).

    Raises:
        ValueError: Nothing of the box seems to.
    """
    found: list[Tensor] = []
    total, tried = 0, 0
    while total < n:
        if tried == _IN_VAIN and not total:
            raise ValueError("there is no area to draw points from")
        u = ctx.draw.uniform(min(max(1024, 2 * n), _CANDIDATES), len(low), name=f"candidates {tried}").double()
        points = low + u * (high - low)
        found.append(points[inside(points)])
        total, tried = total + len(found[-1]), tried + 1
    return torch.cat(found)[:n]
