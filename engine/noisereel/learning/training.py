"""Training: gradient steps on a network, as a generator of states that progress bars, checkpoints and films observe."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.optim.adamw import adamw  # the class imports torch's compiler, which takes a second

from ..support.threads import shared
from .examples import Batch

__all__ = ["DivergedError", "Recipe", "Training", "TrainingState"]

CHECK = 50
"""Steps between checks of the loss."""

EVALUATE = 200
"""Steps between evaluations of the held-out loss."""

_MAX_SECONDS = 1.0  # between two states, so that an interrupt costs little work

Batches = Callable[[int], Iterator[Batch]]
"""``batches(step)`` yields the examples of each step from that step on; they depend only on the step."""

Loss = Callable[[nn.Module, Batch], Tensor]
"""Mean loss of a network over the examples of one step."""


class Recipe(BaseModel):
    """Settings of training: AdamW, a learning rate that rises linearly and falls as a cosine, averaged weights.

    References:
        Loshchilov and Hutter (2019), arXiv:1711.05101; for the averages, Karras et al. (2024), arXiv:2312.02696.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    steps: int = Field(default=3000, ge=1, le=10_000_000)
    """Optimiser steps."""
    batch: int = Field(default=256, ge=1, le=1_000_000)
    """Examples per step."""
    learning_rate: float = Field(default=2e-3, gt=0)
    """Peak learning rate."""
    warm_up: int = Field(default=100, ge=0)
    """Steps over which the learning rate rises to its peak; from there it falls to 0 at the end."""
    weight_decay: float = Field(default=0.0, ge=0)
    """AdamW's weight decay."""
    ema: float = Field(default=0.995, ge=0, lt=1)
    """Share of the averaged weights (the ones that are used) that each step keeps; less in the first steps."""
    held_out: float = Field(default=0.0, ge=0, le=0.9)
    """Share of the samples to hold out from training and evaluate the loss on."""
    patience: int | None = Field(default=None, ge=1)
    """Stop after this many evaluations (one every 200 steps) without improvement; needs ``held_out``."""

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        warm = min(1.0, (step + 1) / self.warm_up) if self.warm_up else 1.0
        return self.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / self.steps))

    def keep(self, step: int) -> float:
        """Return the share of the averages that a step keeps: less at first, to forget the initial weights."""
        return min(self.ema, (1 + step) / (10 + step))


class DivergedError(ValueError):
    """Raised when the loss becomes NaN or infinite.

    Attributes:
        step: The step with this loss.
    """

    def __init__(self, step: int) -> None:
        super().__init__(f"the loss of step {step} is not finite")
        self.step = step


@dataclass(frozen=True, slots=True)
class TrainingState:
    """A moment of training.

    Attributes:
        step: Steps done so far.
        losses: Loss of each step since the previous state, shape (k,).
        held_out: Loss of the averaged weights on held-out examples, if evaluated at this step.
    """

    step: int
    losses: Tensor
    held_out: float | None = None


@dataclass(frozen=True, slots=True)
class _Moments:
    """A weight, its gradient, and AdamW's state: running means of the gradient and its square, and the step count."""

    weight: Tensor
    grad: Tensor
    exp_avg: Tensor
    exp_avg_sq: Tensor
    step: Tensor

    @classmethod
    def of(cls, weight: Tensor) -> _Moments:
        """Return the state before the first step."""
        zero = torch.zeros_like(weight)
        return cls(weight, zero, zero.clone(), zero.clone(), torch.zeros((), device=weight.device))

    @property
    def state(self) -> dict[str, Tensor]:
        """AdamW's state by its names in checkpoints."""
        return {"exp_avg": self.exp_avg, "exp_avg_sq": self.exp_avg_sq, "step": self.step}


@dataclass
class Training:
    """A network at some step of its training.

    Attributes:
        network: The network with its newest weights.
        recipe: Settings.
        batches: The examples of each step.
        loss: Function to minimise.
        measured: Held-out examples, or None.
        parts: Number of parts that threads divide a step's examples into.
        average: The same network with averaged weights.
        step: Steps done.
        best: Lowest held-out loss so far.
        patience_used: Evaluations since then.
    """

    network: nn.Module
    recipe: Recipe
    batches: Batches
    loss: Loss
    measured: Batch | None = None
    parts: int = 1
    average: nn.Module = field(init=False)
    step: int = field(default=0, init=False)
    best: float = field(default=math.inf, init=False)
    patience_used: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.average = deepcopy(self.network).requires_grad_(False)
        self._moments = [_Moments.of(p) for p in self.network.parameters() if p.requires_grad]
        self._weights = [p.detach() for p in self.network.parameters()]
        self._averages = [p.detach() for p in self.average.parameters()]

    @property
    def done(self) -> bool:
        """Whether training has ended."""
        patience = self.recipe.patience
        return self.step >= self.recipe.steps or (patience is not None and self.patience_used >= patience)

    def states(self, watch: Collection[int] = ()) -> Iterator[TrainingState]:
        """Train to the end; yields a state at every watched step, at the end, and at short intervals.

        Raises:
            DivergedError: A loss is not finite.
        """
        losses: list[Tensor] = []
        batches, began = self.batches(self.step), perf_counter()
        if self.step in watch:
            yield TrainingState(self.step, torch.empty(0))
        while not self.done:
            losses.append(self._take(next(batches)))
            is_due = self.step % CHECK == 0 or perf_counter() - began > _MAX_SECONDS
            if not (is_due or self.step in watch or self.step == self.recipe.steps):
                continue
            values = torch.stack(losses).float().cpu()
            if not bool(torch.isfinite(values).all()):
                raise DivergedError(self.step - len(values) + int((~torch.isfinite(values)).int().argmax()) + 1)
            yield TrainingState(self.step, values, self._evaluate())
            losses, began = [], perf_counter()

    def _take(self, batch: Batch) -> Tensor:
        """Take one step of the optimiser; returns its loss."""
        loss, moved = self._gradients(batch)
        adamw(
            [moments.weight for moments in moved],
            [moments.grad for moments in moved],
            [moments.exp_avg for moments in moved],
            [moments.exp_avg_sq for moments in moved],
            [],
            [moments.step for moments in moved],
            fused=True,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self.recipe.rate(self.step),
            weight_decay=self.recipe.weight_decay,
            eps=1e-8,
            maximize=False,
        )
        torch._foreach_lerp_(self._averages, self._weights, 1 - self.recipe.keep(self.step))
        self.step += 1
        return loss

    def _gradients(self, batch: Batch) -> tuple[Tensor, list[_Moments]]:
        """Compute the loss of a batch, and the gradients of the weights that it depends on; returns both."""

        def gradients_of(part: Batch) -> tuple[Tensor, Sequence[Tensor | None]]:
            loss = self.loss(self.network, part) * (len(part.x) / len(batch.x))
            return loss.detach(), torch.autograd.grad(loss, weights, allow_unused=True)

        weights = [moments.weight for moments in self._moments]
        losses, gradients = zip(*shared(gradients_of, batch.cut(self.parts)), strict=True)
        gradient = zip(self._moments, *gradients, strict=True)
        moved = [moments for moments, *parts in gradient if any(part is not None for part in parts)]
        torch._foreach_zero_([moments.grad for moments in moved])
        for part in gradients:
            known = [
                (moments.grad, grad) for moments, grad in zip(self._moments, part, strict=True) if grad is not None
            ]
            # Sums have the weights' memory layout, which the fused step requires.
            torch._foreach_add_([total for total, _ in known], [grad for _, grad in known])
        return torch.stack(losses).sum(), moved

    def _evaluate(self) -> float | None:
        """Return the held-out loss, or None if no evaluation is due."""
        if self.measured is None or not (self.step % EVALUATE == 0 or self.step == self.recipe.steps):
            return None
        with torch.no_grad():
            loss = float(self.loss(self.average, self.measured))
        self.patience_used = 0 if loss < self.best else self.patience_used + 1
        self.best = min(self.best, loss)
        return loss

    def checkpoint(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return everything needed to resume from here: tensors, and plain facts."""
        tensors = {f"network.{k}": t.clone() for k, t in self.network.state_dict().items()}
        tensors |= {f"average.{k}": t.clone() for k, t in self.average.state_dict().items()}
        for i, moments in enumerate(self._moments):
            tensors |= {f"optimizer.{i}.{k}": t.clone() for k, t in moments.state.items()}
        return tensors, {"step": self.step, "best": min(self.best, 1e300), "patience_used": self.patience_used}

    def restore(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Resume from a checkpoint.

        Raises:
            KeyError, RuntimeError, ValueError: It belongs to another network.
        """
        self.network.load_state_dict(_under("network", tensors))
        self.average.load_state_dict(_under("average", tensors))
        for i, moments in enumerate(self._moments):
            for name, tensor in moments.state.items():
                tensor.copy_(tensors[f"optimizer.{i}.{name}"])
        self.step, self.best, self.patience_used = facts["step"], facts["best"], facts["patience_used"]


def _under(stem: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names begin with a stem, with the stem removed."""
    return {name.removeprefix(f"{stem}."): t for name, t in tensors.items() if name.startswith(f"{stem}.")}
