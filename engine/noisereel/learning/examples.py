"""What a network is trained on: noisy samples with their targets, keyed by the step."""

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

_NUMBERS = 2**20  # drawn at once
_AT_ONCE = 64  # steps drawn at once, at most
_MEASURED = 1024  # held-out examples that are looked at

Target = Callable[[Tensor, Tensor, Any, Any], Tensor]


@dataclass(frozen=True, slots=True)
class Batch:
    """The examples of one step.

    Attributes:
        x: x_t/√(α² + σ²), shape (n, *event).
        u: t/T, shape (n,).
        target: What the network shall give, shape (n, *event).
        weight: How much each counts, shape (n,).
        labels: Classes, shape (n,), or None; the number of classes stands for none.
    """

    x: Tensor
    u: Tensor
    target: Tensor
    weight: Tensor
    labels: Tensor | None

    def cut(self, parts: int) -> list[Batch]:
        """So many batches of nearly as many examples each."""
        columns = (self.x, self.u, self.target, self.weight, self.labels)
        cut = [[None] * parts if each is None else each.tensor_split(parts) for each in columns]
        return [Batch(*each) for each in zip(*cut, strict=True)]


@dataclass(frozen=True, eq=False)
class Examples:
    """Noisy samples: rows, times and noise of every step are drawn from its number.

    Attributes:
        x0: Clean samples to train on, shape (n, *event).
        eps: Noise that belongs to each, or None for fresh noise.
        labels: Classes, shape (n,), or None.
        tables: t/T, α, σ and weight of t = 1 … T, shape (4, T).
        target: See `learned.Prediction`.
        batch: Examples in a step.
        drop_labels: Share of labels that are withheld.
        draw: Keyed random numbers.
        kept_back: Held-out examples' own `Examples`, or None.
    """

    x0: Tensor
    eps: Tensor | None
    labels: Tensor | None
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
        """The examples of a run.

        Args:
            ctx: The run.
            levels: Of t = 1 … T.
            weights: Of the same.
            target: What the network shall give.
            batch: Examples in a step.
            held_out: Share of the samples to keep back.
            drop_labels: Share of labels to withhold; None takes no labels.
        """
        x0, eps, labels = ctx.data.x0.to(ctx.device), None, ctx.data.labels if drop_labels is not None else None
        if ctx.pairs is not None:
            x0, eps, labels = ctx.pairs.x0.to(ctx.device), ctx.pairs.eps.to(ctx.device), None
        T = ctx.schedule.T
        columns = [(each.t / T, each.alpha, each.sigma, w) for each, w in zip(levels, weights, strict=True)]
        tables = torch.tensor(columns).T.contiguous()
        draw = LoadDraw(ctx.seed)
        rest = (tables.to(ctx.device), target, batch, drop_labels or 0.0, draw)
        if not held_out:
            return cls(x0, eps, labels, *rest)
        order = torch.argsort(draw.uniform(len(x0), name="held-out")).to(ctx.device)
        back, kept = order.tensor_split([int(len(x0) * held_out)])
        few = (*rest[:2], _MEASURED, *rest[3:])
        aside = cls(x0[back], _rows(eps, back), _rows(labels, back), *few)
        return cls(x0[kept], _rows(eps, kept), _rows(labels, kept), *rest, aside)

    def steps(self, first: int) -> Iterator[Batch]:
        """The examples of each step, from a step on, without end."""
        block, at = divmod(first, self._at_once)
        for name in count(block):
            yield from self._drawn(f"block-{name}", self._at_once)[at:]
            at = 0

    def measured(self) -> Batch | None:
        """Held-out examples, always the same; None if nothing is held out."""
        return None if self.kept_back is None else self.kept_back._drawn("measured", 1)[0]

    @property
    def _at_once(self) -> int:
        """How many steps are drawn at once."""
        return max(1, min(_AT_ONCE, _NUMBERS // (self.batch * math.prod(self.x0.shape[1:]))))

    def _drawn(self, name: str, steps: int) -> list[Batch]:
        """So many batches, from draws under a name."""
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
        """Classes of rows, some withheld."""
        if self.labels is None:
            return None
        none = int(self.labels.max()) + 1
        dropped = self.draw.uniform(len(rows), name=f"{name}/dropped").to(rows.device) < self.drop_labels
        return torch.where(dropped, none, self.labels[rows])


def _rows(tensor: Tensor | None, rows: Tensor) -> Tensor | None:
    return None if tensor is None else tensor[rows]
