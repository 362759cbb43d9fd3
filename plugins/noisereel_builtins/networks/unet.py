"""A small U-shaped convolutional network for images."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import repeat

import torch
from torch import Tensor, nn
from torch.nn import functional

from .embeddings import Classes, Sinusoidal

__all__ = ["UNet"]

_CHUNK = 64  # images at a time when sampling; constant for reproducible results


class UNet(nn.Module):
    """A U-Net: residual blocks down to small images and up again, with a skip connection at each size.

    The last layer starts at 0, and so does the change that each block makes to its input. Height and width must be
    multiples of ``patch``; an odd one is rounded up when halved.

    Args:
        event_shape: Shape of an image, (H, W) or (H, W, colours).
        classes: Number of classes; None for an unconditional network.
        channels: Features per pixel at full size.
        multipliers: Features per pixel at each size, in units of ``channels``; the size is halved in between.
        blocks: Residual blocks at each size, both going down and going up.
        attention: Whether the smallest size has self-attention.
        patch: Side of the squares of pixels that are merged into one pixel with more channels.

    References:
        Ronneberger et al. (2015), arXiv:1505.04597; Ho et al. (2020), arXiv:2006.11239, appendix B; for patches, Shi et
        al. (2016), arXiv:1609.05158, section 3.2.
    """

    def __init__(
        self,
        event_shape: tuple[int, ...],
        *,
        classes: int | None = None,
        channels: int = 32,
        multipliers: tuple[int, ...] = (1, 2),
        blocks: int = 1,
        attention: bool = False,
        patch: int = 1,
    ) -> None:
        super().__init__()
        self.patch = patch
        colours = (1 if len(event_shape) == 2 else event_shape[2]) * patch**2
        widths = [channels * m for m in multipliers]
        width = 4 * channels
        self.tau = Sinusoidal(1, 2 * channels, 1_000.0)
        self.enter_time = nn.Sequential(nn.Linear(2 * channels, width), nn.SiLU(), nn.Linear(width, width))
        self.classes = None if classes is None else Classes(classes, width)
        self.enter = nn.Conv2d(colours, widths[0], 3, padding=1)
        self.sizes = _Size(widths, width, blocks, attention)
        self.leave = nn.Sequential(_norm(widths[0]), nn.SiLU(), _zero(nn.Conv2d(widths[0], colours, 3, padding=1)))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # which torch's stubs lack

    def forward(self, x: Tensor, u: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return F(x, u, labels).

        Args:
            x: Images, shape (n, H, W) or (n, H, W, colours).
            u: Times t/T in [0, 1], shape (n,).
            labels: Classes, shape (n,), int64; the number of classes means "no class", as None does for all rows.
        """
        return self._evaluate(x, self._condition(u, labels))

    def at(self, u: float, labels: Tensor | None = None) -> Callable[[Tensor], Tensor]:
        """Return F as a function of x alone, at one time, in chunks whose features fit the caches.

        Args:
            u: The time t/T of all rows.
            labels: Classes, shape (n,), or (1,) if all rows have the same; None for "no class".
        """
        condition = self._condition(self.enter.weight.new_tensor([u]), labels)

        def forward(x: Tensor) -> Tensor:
            conditions = repeat(condition) if len(condition) == 1 else torch.split(condition, _CHUNK)
            return torch.cat([self._evaluate(p, c) for p, c in zip(torch.split(x, _CHUNK), conditions, strict=False)])

        return forward

    def _condition(self, u: Tensor, labels: Tensor | None) -> Tensor:
        """Return the features of time and class, shape (len(u) or len(labels), 4·channels)."""
        condition: Tensor = self.enter_time(self.tau(u[:, None]))
        return functional.silu(condition if self.classes is None else condition + self.classes(labels))

    def _evaluate(self, x: Tensor, condition: Tensor) -> Tensor:
        pixels = x.unsqueeze(1) if x.ndim == 3 else x.movedim(3, 1)
        patches = functional.pixel_unshuffle(pixels, self.patch)
        h = self.enter(patches.contiguous(memory_format=torch.channels_last))
        out = functional.pixel_shuffle(self.leave(self.sizes(h, condition)), self.patch)
        return out.squeeze(1) if x.ndim == 3 else out.movedim(1, 3)


class _Size(nn.Module):
    """Blocks at one size, before and after all smaller sizes; ``widths`` starts with this size's."""

    def __init__(self, widths: list[int], condition: int, blocks: int, attention: bool) -> None:
        super().__init__()
        width, *smaller = widths
        self.down = nn.ModuleList(_Block(width, width, condition) for _ in range(blocks))
        self.shrink = nn.Conv2d(width, smaller[0], 3, stride=2, padding=1) if smaller else None
        self.within = _Size(smaller, condition, blocks, attention) if smaller else None
        self.attention = _Attention(width) if attention and not smaller else None
        wide = width + sum(smaller[:1])
        self.up = nn.ModuleList(_Block(width if i else wide, width, condition) for i in range(blocks))

    def forward(self, h: Tensor, condition: Tensor) -> Tensor:
        for block in self.down:
            h = block(h, condition)
        if self.shrink is not None and self.within is not None:
            small = self.within(self.shrink(h), condition)
            h = torch.cat([h, functional.interpolate(small, size=h.shape[2:])], 1)
        if self.attention is not None:
            h = self.attention(h)
        for block in self.up:
            h = block(h, condition)
        return h


class _Block(nn.Module):
    """A residual block, h + conv(act(norm(conv(act(norm(h))) + condition)))."""

    def __init__(self, before: int, width: int, condition: int) -> None:
        super().__init__()
        self.first = nn.Sequential(_norm(before), nn.SiLU(), nn.Conv2d(before, width, 3, padding=1))
        self.condition = nn.Linear(condition, width)
        self.second = nn.Sequential(_norm(width), nn.SiLU(), _zero(nn.Conv2d(width, width, 3, padding=1)))
        self.skip = nn.Identity() if before == width else nn.Conv2d(before, width, 1)

    def forward(self, h: Tensor, condition: Tensor) -> Tensor:
        inner = self.first(h) + self.condition(condition)[:, :, None, None]
        out: Tensor = self.skip(h) + self.second(inner)
        return out


class _Attention(nn.Module):
    """Self-attention among pixels, with one head and a residual connection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = _norm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.leave = _zero(nn.Linear(width, width))

    def forward(self, h: Tensor) -> Tensor:
        pixels = self.norm(h).flatten(2).transpose(1, 2)
        mean = functional.scaled_dot_product_attention(*self.query_key_value(pixels).chunk(3, 2))
        change: Tensor = self.leave(mean)
        return h + change.transpose(1, 2).reshape(h.shape)


def _norm(width: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(8, width), width)


def _zero(layer: nn.Linear | nn.Conv2d) -> nn.Module:
    """Set all parameters of a layer to 0 and return it."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer
