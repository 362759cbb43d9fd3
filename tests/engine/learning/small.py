"""Test helpers: a small trained denoiser, as a third party might write it, its context, and a simulated Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import nn

from noisereel.contracts.dataset import Data
from noisereel.contracts.denoiser import DenoiserContext, TrainingContext
from noisereel.contracts.schedule import BetaSchedule
from noisereel.learning import TrainedDenoiser, load_weights
from noisereel.support.progress import Progress


class Even(BetaSchedule):
    """A schedule of ten equal steps."""

    beta: float = 0.3

    def betas(self) -> Any:
        return [self.beta] * 10


class Net(nn.Module):
    def __init__(self, D: int, classes: int | None) -> None:
        super().__init__()
        self.rows = nn.Embedding((classes or 0) + 1, 16)
        self.enter, self.leave = nn.Linear(D + 1, 16), nn.Linear(16, D)

    def forward(self, x: torch.Tensor, u: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        none = torch.full((len(x),), self.rows.num_embeddings - 1)
        h = self.enter(torch.cat([x, u[:, None]], 1)) + self.rows(none if labels is None else labels)
        return self.leave(torch.tanh(h))


class Small(TrainedDenoiser):
    steps: int = 120
    batch: int = 32
    warm_up: int = 5

    def network(self, event_shape: tuple[int, ...], classes: int | None, schedule: Any) -> nn.Module:
        return Net(event_shape[0], classes)


TRAINING = {field.name for field in fields(TrainingContext)}


def context(folder: Path, **changed: Any) -> DenoiserContext:
    """Return the context of a run on 200 points in two labelled clusters."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(200) % 2
    x0 = 0.2 * torch.randn(200, 2, generator=generator) + (2.0 * labels - 1)[:, None]
    training = TrainingContext(**{"cache": folder} | {name: changed.pop(name) for name in TRAINING & changed.keys()})
    defaults = {"data": Data(x0, labels), "schedule": Even(), "device": torch.device("cpu"), "training": training}
    return DenoiserContext(**{**defaults, **changed})


def weights_of(denoiser: TrainedDenoiser, ctx: DenoiserContext) -> dict[str, torch.Tensor]:
    return load_weights(denoiser.weights_file(ctx))


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class Interrupting(Progress):
    """Progress that raises KeyboardInterrupt once this many steps are shown as done."""

    def __init__(self, after: int) -> None:
        super().__init__(quiet=True)
        self.after, self.messages = after, list[str]()

    def warn(self, message: str) -> None:
        self.messages.append(message)

    @contextmanager
    def bar(self, label: str, total: int) -> Iterator[Any]:
        done = 0

        def advance(n: int, note: str = "") -> None:
            nonlocal done
            done += n
            if done >= self.after:
                raise KeyboardInterrupt

        yield advance
