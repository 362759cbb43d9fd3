"""Checkpointing: a training to its end, with checkpoints, snapshots and final weights on disk."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from torch import Tensor

from ..contracts.denoiser import TrainingContext
from ..support.errors import NoisereelError
from .training import DivergedError, Training
from .weights import load_weights, read_facts, save_weights

__all__ = ["CHECKPOINT", "WEIGHTS", "Checkpointer", "is_complete", "snapshot_name"]

WEIGHTS, CHECKPOINT, _TRIAL = "weights.safetensors", "checkpoint.safetensors", "trial.safetensors"

_KEEP_EVERY = 20.0  # seconds between two checkpoints on disk


def snapshot_name(step: int) -> str:
    """Return the file name of the weights after a training step."""
    return f"step-{step}.safetensors"


def is_complete(file: Path, ctx: TrainingContext, otherwise: str = "it is trained again") -> bool:
    """Return whether a file of weights exists and can be read; if it is damaged, warn and say what happens instead."""
    if not file.exists():
        return False
    try:
        read_facts(file)
    except NoisereelError as error:
        ctx.progress.warn(f"{error}; {otherwise}")
        return False
    return True


@dataclass(frozen=True, slots=True)
class Checkpointer:
    """Runs a training to its end without losing work to interruptions.

    Attributes:
        training: The training.
        folder: Folder for weights and checkpoints.
        ctx: Settings and services.
        name: The denoiser's name, for messages.
        facts: Facts to store with the weights, as plain values.
    """

    training: Training
    folder: Path
    ctx: TrainingContext
    name: str
    facts: Mapping[str, Any]

    def run(self, watch: frozenset[int]) -> None:
        """Train to the end; keeps the final weights and those after each watched step.

        Raises:
            NoisereelError: The loss becomes NaN or infinite, or weights cannot be written.
        """
        training, steps = self.training, self.training.recipe.steps
        resumed, saved_at, good = self._resumed(watch), perf_counter(), training.checkpoint()
        self._check_room(good)
        recent, since_snapshot = deque[float](maxlen=100), list[float]()
        with self.ctx.progress.bar("training", steps) as bar:
            bar(training.step)
            before = training.step
            try:
                for state in training.states(watch):
                    recent.extend(state.losses.tolist())
                    since_snapshot += state.losses.tolist()
                    bar(state.step - before, f"loss {_mean(recent):.4f}" if recent else "")
                    before = state.step
                    if state.step in watch:
                        self._save(snapshot_name(state.step), _mean(since_snapshot))
                        since_snapshot.clear()
                    good = training.checkpoint()
                    if perf_counter() - saved_at > _KEEP_EVERY:
                        self._keep(good, resumed)
                        saved_at = perf_counter()
            except KeyboardInterrupt:
                kept_at, step = self._keep(good, resumed), good[1]["step"]
                position = "there" if kept_at == step else f"step {kept_at}, reached by an earlier training"
                hint = f"; --resume continues from {position}" if kept_at else ""
                self.ctx.progress.warn(f"training stopped at step {step} of {steps}{hint}")
                raise
            except DivergedError as error:
                kept_at = self._keep(good, resumed)
                location = f". The weights of step {kept_at} are kept in {self.folder / CHECKPOINT}" if kept_at else ""
                rate = training.recipe.learning_rate
                raise NoisereelError(
                    f"denoiser {self.name}: {error}; try a learning_rate below {rate:g}{location}"
                ) from error
        for step in watch:  # after an early stop, the weights no longer change
            if step > training.step:
                self._save(snapshot_name(step), _mean(recent))
        self._save(WEIGHTS, _mean(recent))
        (self.folder / CHECKPOINT).unlink(missing_ok=True)

    def _resumed(self, watch: frozenset[int]) -> int:
        """Resume from the checkpoint if requested; returns the step of the kept checkpoint, or −1."""
        file = self.folder / CHECKPOINT
        if not is_complete(file, self.ctx, "training starts over"):
            return -1
        facts = read_facts(file)["training"]
        if self.ctx.resume and self._has_snapshots(facts["step"], watch):
            self.training.restore(load_weights(file), facts)
        elif self.ctx.resume:
            self.ctx.progress.warn("the earlier training lacks snapshots that are shown; training starts over")
        return int(facts["step"])

    def _has_snapshots(self, step: int, watch: frozenset[int]) -> bool:
        """Return whether the earlier training kept the weights of every watched step before ``step``."""
        return all((self.folder / snapshot_name(watched)).exists() for watched in watch if watched < step)

    def _check_room(self, good: tuple[dict[str, Tensor], dict[str, Any]]) -> None:
        """Write a trial file of a checkpoint's size, so that a full disk is noticed before the work, not after."""
        save_weights(self.folder / _TRIAL, good[0], {})
        (self.folder / _TRIAL).unlink(missing_ok=True)  # missing if another program trains the same

    def _keep(self, good: tuple[dict[str, Tensor], dict[str, Any]], earlier: int) -> int:
        """Write a checkpoint unless an earlier training got further; returns the step of the kept one, or 0."""
        tensors, facts = good
        if not self.ctx.persistent:
            return 0
        if facts["step"] > earlier:
            save_weights(self.folder / CHECKPOINT, tensors, {**self.facts, "training": facts})
        return max(int(facts["step"]), earlier)

    def _save(self, name: str, loss: float) -> None:
        state = self.training.average.state_dict()
        save_weights(self.folder / name, state, {**self.facts, "step": self.training.step, "loss": loss})


def _mean(losses: Collection[float]) -> float:
    return sum(losses) / len(losses) if losses else math.nan
