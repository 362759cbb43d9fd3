"""Denoisers: estimates of the clean data behind a noisy x_t."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..support.compiled import Compile, uncompiled
from ..support.progress import Progress
from .dataset import Data
from .plugin import Plugin, PluginCodec
from .schedule import Schedule

__all__ = ["Denoiser", "DenoiserContext", "Model", "Pairs", "Snapshot", "TrainingContext"]

Model = Callable[..., Tensor]
"""``model(x, level, labels=None) -> x0_hat``: x of shape (n, *event), x0_hat of the same shape."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Clean samples and the noise that a run generated them from, row by row.

    Attributes:
        x0: Shape (n, *event).
        eps: Shape (n, *event), of unit variance.
    """

    x0: Tensor
    eps: Tensor


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A model at one moment of its training.

    Attributes:
        step: Training steps done.
        loss: Mean loss since the previous snapshot; NaN for the first.
        model: The model at that moment.
    """

    step: int
    loss: float
    model: Model


@dataclass(frozen=True, slots=True)
class TrainingContext:
    """Storage, display and services for denoisers that train a network or load one.

    Attributes:
        cache: Folder for results that take long to compute; None outside a simulation.
        persistent: Whether that folder outlives the program.
        resume: Whether to resume interrupted training.
        progress: Shows progress bars and warnings.
        compile: Compiles a network if requested, else returns it unchanged.
        plugins: Converts plugins to plain values and back; None outside a scene.
        provenance: The scene's text and overrides, as plain values to store with weights.
    """

    cache: Path | None = None
    persistent: bool = True
    resume: bool = False
    progress: Progress = field(default_factory=lambda: Progress(quiet=True))
    compile: Compile = uncompiled
    plugins: PluginCodec | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DenoiserContext:
    """Inputs from which a denoiser builds its model.

    Attributes:
        data: The run's data, on ``device``.
        schedule: The run's schedule.
        device: Device of the model.
        folder: The scene's folder, which relative paths start from.
        seed: The run's seed.
        pairs: Clean samples with the noise that each belongs to, if they come from another run; empty until that run
            has been simulated.
        training: Storage, display and services for networks.
    """

    data: Data
    schedule: Schedule
    device: torch.device
    folder: Path = Path()
    seed: int = 0
    pairs: Pairs | None = None
    training: TrainingContext = field(default_factory=TrainingContext)


class Denoiser(Plugin):
    """A source of models D(x_t, t) ≈ E[x_0 | x_t]. It holds no tensors or modules: these belong to the model."""

    kind: ClassVar[str] = "denoiser"

    @property
    def is_discrete(self) -> bool:
        """Whether it denoises to single points, so that its distribution has no density."""
        return False

    @property
    def training_steps(self) -> int | None:
        """Number of training steps; None if it is not trained."""
        return None

    def conditional(self, ctx: DenoiserContext) -> bool:
        """Return whether its model uses ``labels``, the class of each particle."""
        return False

    def check(self, ctx: DenoiserContext) -> str | None:
        """Return the reason why it cannot serve this run, or None; called before anything is simulated."""
        return None

    @abstractmethod
    def bind(self, ctx: DenoiserContext) -> Model:
        """Build the model for one run, after training it if needed."""

    def weights_file(self, ctx: DenoiserContext) -> Path | None:
        """Return the file with its weights, after training if needed; None if it has none."""
        return None

    def snapshots(self, ctx: DenoiserContext, steps: Sequence[int]) -> Sequence[Snapshot]:
        """Return the model after each of these numbers of training steps, ascending; for trained denoisers only."""
        raise NotImplementedError(f"{type(self).__name__} is not trained")
