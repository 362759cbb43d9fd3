"""Checkpointing: training run to its end, with checkpoints, final weights and snapshots written on the way."""

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
        resumed, kept, good = self._resumed(watch), perf_counter(), training.checkpoint()
        self._try_room(good)
        recent, since = deque[float](maxlen=100), list[float]()
        with self.ctx.progress.bar("training", steps) as bar:
            bar(training.step)
            before = training.step
            try:
                for state in training.states(watch):
                    recent.extend(state.losses.tolist())
                    since += state.losses.tolist()
                    bar(state.step - before, f"loss {_mean(recent):.4f}" if recent else "")
                    before = state.step
                    if state.step in watch:
                        self._save(snapshot_name(state.step), _mean(since))
                        since.clear()
                    good = training.checkpoint()
                    if perf_counter() - kept > _KEEP_EVERY:
                        self._keep(good, resumed)
                        kept = perf_counter()
            except KeyboardInterrupt:
                kept_at, step = self._keep(good, resumed), good[1]["step"]
                there = "there" if kept_at == step else f"step {kept_at}, where an earlier training got"
                on = f"; --resume goes on from {there}" if kept_at else ""
                self.ctx.progress.warn(f"training stopped at step {step} of {steps}{on}")
                raise
            except DivergedError as error:
                kept_at = self._keep(good, resumed)
                where = f". The weights of step {kept_at} are kept in {self.folder / CHECKPOINT}" if kept_at else ""
                rate = training.recipe.learning_rate
                raise NoisereelError(
                    f"denoiser {self.name}: {error}; a lower learning_rate than {rate:g} may do{where}"
                ) from error
        for step in watch:  # an early stop leaves these out: the weights no longer change
            if step > training.step:
                self._save(snapshot_name(step), _mean(recent))
        self._save(WEIGHTS, _mean(recent))
        (self.folder / CHECKPOINT).unlink(missing_ok=True)

    def _resumed(self, watch: frozenset[int]) -> int:
        """Resume from the checkpoint if the user asked for it; returns the step of the kept checkpoint, or −1."""
        file = self.folder / CHECKPOINT
        if not is_complete(file, self.ctx, "training begins anew"):
            return -1
        facts = read_facts(file)["training"]
        if self.ctx.resume and self._kept_up_to(facts["step"], watch):
            self.training.restore(load_weights(file), facts)
        elif self.ctx.resume:
            self.ctx.progress.warn("moments that are shown were not kept before; training begins anew")
        return int(facts["step"])

    def _kept_up_to(self, step: int, watch: frozenset[int]) -> bool:
        """Return whether the earlier training kept the weights of every watched step before ``step``."""
        return all((self.folder / snapshot_name(each)).exists() for each in watch if each < step)

    def _try_room(self, good: tuple[dict[str, Tensor], dict[str, Any]]) -> None:
        """Write a file of a checkpoint's size: a full disk should be noticed before the work, not after."""
        save_weights(self.folder / _TRIAL, good[0], {})
        (self.folder / _TRIAL).unlink(missing_ok=True)  # another program may train the same

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
