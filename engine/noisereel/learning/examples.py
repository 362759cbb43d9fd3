"""Training examples: noisy samples with their targets, keyed by the step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import torch
from torch import Tensor

from ..contracts.denoiser import DenoiserContext
from ..contracts.schedule import Level
from ..support.noise import LoadDraw

__all__ = ["Batch", "Examples"]

_NUMBERS = 2**20  # numbers drawn at once, at most
_AT_ONCE = 64  # steps drawn at once, at most
_MEASURED = 1024  # held-out examples that the loss is evaluated on

Target = Callable[[Tensor, Tensor, Any, Any], Tensor]


@dataclass(frozen=True, slots=True)
class Batch:
    """The examples of one step.

    Attributes:
        x: x_t/√(α² + σ²), shape (n, *event).
        u: t/T, shape (n,).
        target: Target of the network's output, shape (n, *event).
        weight: Weight in the loss, shape (n,).
        labels: Classes, shape (n,), or None; a label equal to the number of classes means no label.
    """

    x: Tensor
    u: Tensor
    target: Tensor
    weight: Tensor
    labels: Tensor | None

    def cut(self, parts: int) -> list[Batch]:
        """Divide the batch into parts of nearly equal size."""
        columns = (self.x, self.u, self.target, self.weight, self.labels)
        cut = [[None] * parts if column is None else column.tensor_split(parts) for column in columns]
        return [Batch(*part) for part in zip(*cut, strict=True)]


@dataclass(frozen=True, eq=False)
class Examples:
    """Noisy samples; the rows, times and noise of every step are drawn with a key made of its number.

    Attributes:
        x0: Clean samples to train on, shape (n, *event).
        eps: Noise that belongs to each, or None for fresh noise.
        labels: Classes, shape (n,), or None.
        no_label: The label that means no label: the number of classes in all of the data, held out or not.
        tables: t/T, α, σ and weight of t = 1 … T, shape (4, T).
        target: See `prediction.Prediction`.
        batch: Examples per step.
        drop_labels: Share of labels that are dropped.
        draw: Keyed random numbers.
        kept_back: `Examples` of the held-out samples, or None.
    """

    x0: Tensor
    eps: Tensor | None
    labels: Tensor | None
    no_label: int
    tables: Tensor
    target: Target
    batch: int
    drop_labels: float
    draw: LoadDraw
    kept_back: Examples | None = None

    @classmethod
    def of(
        cls,
        ctx: DenoiserContext,
        levels: Sequence[Level],
        weights: Sequence[float],
        target: Target,
        *,
        batch: int,
        held_out: float,
        drop_labels: float | None,
    ) -> Examples:
        """Return the examples of a run.

        Args:
            ctx: The run's context.
            levels: Levels at t = 1 … T.
            weights: Weights in the loss at the same times.
            target: Target of the network's output.
            batch: Examples per step.
            held_out: Share of the samples to hold out.
            drop_labels: Share of labels to drop; None to use no labels.
        """
        x0, eps, labels = ctx.data.x0.to(ctx.device), None, ctx.data.labels if drop_labels is not None else None
        if ctx.pairs is not None:
            x0, eps, labels = ctx.pairs.x0.to(ctx.device), ctx.pairs.eps.to(ctx.device), None
        no_label = 0 if labels is None else int(labels.max()) + 1
        T = ctx.schedule.T
        columns = [(level.t / T, level.alpha, level.sigma, w) for level, w in zip(levels, weights, strict=True)]
        tables = torch.tensor(columns).T.contiguous()
        draw = LoadDraw(ctx.seed)
        settings = (tables.to(ctx.device), target, batch, drop_labels or 0.0, draw)
        if not held_out:
            return cls(x0, eps, labels, no_label, *settings)
        order = torch.argsort(draw.uniform(len(x0), name="held-out")).to(ctx.device)
        back, kept = order.tensor_split([int(len(x0) * held_out)])
        if not (len(back) and len(kept)):
            raise ValueError(f"'held_out' leaves no samples to train on, or none to evaluate on, of {len(x0)}")
        measured = (*settings[:2], _MEASURED, *settings[3:])
        kept_back = cls(x0[back], _rows(eps, back), _rows(labels, back), no_label, *measured)
        return cls(x0[kept], _rows(eps, kept), _rows(labels, kept), no_label, *settings, kept_back)

    def steps(self, first: int) -> Iterator[Batch]:
        """Yield the examples of each step from step ``first`` on, without end."""
        block, offset = divmod(first, self._block_steps)
        for number in count(block):
            yield from self._draw_batches(f"block-{number}", self._block_steps)[offset:]
            offset = 0

    def measured(self) -> Batch | None:
        """Return held-out examples, always the same; None if nothing is held out."""
        return None if self.kept_back is None else self.kept_back._draw_batches("measured", 1)[0]

    @property
    def _block_steps(self) -> int:
        """Number of steps drawn at once."""
        return max(1, min(_AT_ONCE, _NUMBERS // (self.batch * math.prod(self.x0.shape[1:]))))

    def _draw_batches(self, name: str, steps: int) -> list[Batch]:
        """Draw the batches of this many steps, with keys that begin with a name."""
        n, device = steps * self.batch, self.x0.device
        rows = (self.draw.uniform(n, name=f"{name}/rows").double() * len(self.x0)).long().to(device)
        index = (self.draw.uniform(n, name=f"{name}/times").double() * self.tables.shape[1]).long().to(device)
        x0 = self.x0[rows]
        eps = self.draw.normal(*x0.shape, name=f"{name}/noise").to(device) if self.eps is None else self.eps[rows]
        u, alpha, sigma, weight = (t.view(-1, *[1] * (x0.ndim - 1)) for t in self.tables[:, index])
        x = (alpha * x0 + sigma * eps) / torch.hypot(alpha, sigma)
        target, labels = self.target(x0, eps, alpha, sigma), self._labels(rows, name)
        return Batch(x, u.flatten(), target, weight.flatten(), labels).cut(steps)

    def _labels(self, rows: Tensor, name: str) -> Tensor | None:
        """Return the classes of rows, with some of them dropped."""
        if self.labels is None:
            return None
        dropped = self.draw.uniform(len(rows), name=f"{name}/dropped").to(rows.device) < self.drop_labels
        return torch.where(dropped, self.no_label, self.labels[rows])


def _rows(tensor: Tensor | None, rows: Tensor) -> Tensor | None:
    return None if tensor is None else tensor[rows]
