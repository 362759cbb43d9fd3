"""Denoisers: what clean data a noisy x_t is expected to come from."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from .compiled import Compile, as_it_is
from .dataset import Data
from .plugin import Plugin
from .progress import Progress
from .schedule import Level, Schedule

if TYPE_CHECKING:
    from .registry import Registry

__all__ = ["Bind", "Denoiser", "Model", "Pairs", "Snapshot", "to_eps", "to_score", "to_v", "to_x0"]

Model = Callable[..., Tensor]
"""``model(x, level, labels=None) -> x0_hat``: x of shape (n, *event), x0_hat of the same shape."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Clean samples and the noise that a run made them from, row by row.

    Attributes:
        x0: Shape (n, *event).
        eps: Shape (n, *event), of unit variance.
    """

    x0: Tensor
    eps: Tensor


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A model as it was at a moment of its training.

    Attributes:
        step: Training steps done.
        loss: Mean loss since the snapshot before; NaN at the beginning.
        model: The model then.
    """

    step: int
    loss: float
    model: Model


@dataclass(frozen=True, slots=True)
class Bind:
    """What a denoiser may use to become a model.

    Attributes:
        data: The run's data, on ``device``.
        schedule: The run's schedule.
        device: Where the model shall work.
        cache: A folder for what takes long to make.
        lasting: Whether that folder outlives the program.
        folder: The scene's folder, which relative paths start from.
        scene: The scene's text and what was set in it, as plain values.
        seed: The run's seed.
        pairs: Clean samples with the noise that each belongs to, if they come from another run; empty before that has
            been simulated.
        resume: Whether interrupted work is gone on with.
        progress: Shows how far long work is, and says what is worth a warning.
        registry: Where plugins are found by name; None where nothing is to be rebuilt.
        compile: Makes a network faster, if the user asks for that; gives the network itself if not.
    """

    data: Data
    schedule: Schedule
    device: torch.device
    cache: Path
    lasting: bool = True
    folder: Path = Path()
    scene: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    pairs: Pairs | None = None
    resume: bool = False
    progress: Progress = field(default_factory=lambda: Progress(quiet=True))
    registry: Registry | None = None
    compile: Compile = as_it_is


class Denoiser(Plugin):
    """Gives the model D(x_t, t) ≈ E[x_0 | x_t]. Live things (tensors, modules) belong to the model, not here."""

    kind: ClassVar[str] = "denoiser"

    @property
    def atomic(self) -> bool:
        """Whether what it denoises to is single points, so that its data have no density."""
        return False

    @property
    def training_steps(self) -> int | None:
        """How many steps it is trained for; None if it is not trained."""
        return None

    def conditional(self, ctx: Bind) -> bool:
        """Whether its model heeds ``labels``, the class that each particle shall belong to."""
        return False

    def check(self, ctx: Bind) -> str | None:
        """Why it cannot serve this run, or None; asked before anything is simulated."""
        return None

    @abstractmethod
    def bind(self, ctx: Bind) -> Model:
        """Build the model for one run, training it first where that is needed."""

    def weights_file(self, ctx: Bind) -> Path | None:
        """The file that its weights lie in, trained first where that is needed; None if it has none."""
        return None

    def over_training(self, ctx: Bind, steps: Sequence[int]) -> Sequence[Snapshot]:
        """The model as it was after so many training steps each, ascending; for denoisers that are trained."""
        raise NotImplementedError(f"{type(self).__name__} is not trained")


def to_eps(x: Tensor, x0: Tensor, level: Level) -> Tensor:
    """ε̂ = (x_t − α_t·x̂_0)/σ_t.

    Raises:
        ZeroDivisionError: σ_t = 0, where there is no noise to estimate.
    """
    if level.sigma == 0:
        raise ZeroDivisionError(f"no noise estimate at t = {level.t:g}: sigma is 0")
    return (x - level.alpha * x0) / level.sigma


def to_x0(x: Tensor, eps: Tensor, level: Level) -> Tensor:
    """x̂_0 = (x_t − σ_t·ε̂)/α_t.

    Raises:
        ZeroDivisionError: α_t = 0, where x_t holds no signal.
    """
    if level.alpha == 0:
        raise ZeroDivisionError(f"no data estimate from noise at t = {level.t:g}: alpha is 0")
    return (x - level.sigma * eps) / level.alpha


def to_score(x: Tensor, x0: Tensor, level: Level) -> Tensor:
    """∇ log p_t(x) = (α_t·x̂_0 − x_t)/σ_t² (Tweedie's formula)."""
    return -to_eps(x, x0, level) / level.sigma


def to_v(x: Tensor, x0: Tensor, level: Level) -> Tensor:
    """v = α_t·ε̂ − σ_t·x̂_0 (Salimans and Ho, 2022, arXiv:2202.00512)."""
    return level.alpha * to_eps(x, x0, level) - level.sigma * x0
