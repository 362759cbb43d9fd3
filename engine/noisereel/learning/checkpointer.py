"""Checkpointing: a training to its end, with checkpoints, snapshots and final weights on disk."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from torch import Tensor

from ..contracts.denoiser import TrainingContext
from ..contracts.digests import digest
from ..support.errors import NoisereelError
from ..support.files import spare_folder
from ..support.locks import discard, locked
from .training import DivergedError, Training
from .weights import load_weights, read_facts, save_weights

__all__ = ["CHECKPOINT", "WEIGHTS", "Checkpointer", "WeightFiles", "Weights", "snapshot_name"]

WEIGHTS, CHECKPOINT, _TRIAL = "weights.safetensors", "checkpoint.safetensors", "trial.safetensors"

_KEEP_EVERY = 20.0  # seconds between two checkpoints on disk


def snapshot_name(step: int) -> str:
    """Return the file name of the weights after a training step."""
    return f"step-{step}.safetensors"


class Weights(NamedTuple):
    """Tensors of a network, and facts about them."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


class WeightFiles:
    """Files of one network: in the cache or, as far as that cannot be written, in a folder for this program alone.

    Args:
        home: The network's folder in the cache.
        warn: Receives one line about files that are damaged or cannot be written.
    """

    def __init__(self, home: Path, warn: Callable[[str], None]) -> None:
        self.home, self._warn, self._is_full = home, warn, False

    def read(self, name: str, otherwise: str = "it is trained again") -> Weights | None:
        """Return the content of a file, or None; if it is damaged, remove it, and say what happens instead."""
        for file in self._places(name):
            if not os.path.lexists(file):
                continue
            try:
                weights = Weights(load_weights(file, sealed=True), read_facts(file))
                if weights.facts.get("file") != self._label(name):
                    raise NoisereelError(f"{file}: is damaged: it belongs elsewhere")
            except NoisereelError as error:
                if os.path.lexists(file):  # else it was cleared just now
                    self._warn(f"{error}; {otherwise}")
                    discard(file)
            else:
                return weights
        return None

    def path(self, name: str) -> Path | None:
        """Return the path of a file, or None if it is nowhere."""
        return next((file for file in self._places(name) if file.is_file()), None)

    def write(self, name: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> bool:
        """Write a file; returns whether it is in the cache."""
        facts = {**facts, "file": self._label(name)}
        if self.home.is_file():  # in the way
            discard(self.home)
        try:
            save_weights(self.home / name, tensors, facts)
        except NoisereelError as error:
            if not self._is_full:
                self._warn(f"trained networks are not kept: {error}")
            self._is_full = True
            with suppress(NoisereelError):
                save_weights(self._places(name)[1], tensors, facts)
            return False
        return True

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        for file in self._places(name):
            discard(file)

    def _label(self, name: str) -> str:
        """Return what a file says that it is, so that a copy of another one is noticed."""
        return f"{self.home.name}/{name}"

    def _places(self, name: str) -> list[Path]:
        with suppress(NoisereelError):
            return [self.home / name, spare_folder() / digest(str(self.home).encode()) / name]
        return [self.home / name, self.home / name]


@dataclass(frozen=True, slots=True)
class Checkpointer:
    """Runs a training to its end without losing work to interruptions.

    Attributes:
        training: The training.
        files: Files for weights and checkpoints.
        ctx: Settings and services.
        name: The denoiser's name, for messages.
        facts: Facts to store with the weights, as plain values.
        done: Weights so far, by the names of their files.
    """

    training: Training
    files: WeightFiles
    ctx: TrainingContext
    name: str
    facts: Mapping[str, Any]
    done: dict[str, Weights] = field(default_factory=dict)

    def run(self, watch: frozenset[int]) -> None:
        """Train to the end; keeps the final weights and those after each watched step, in ``done`` and in files.

        Raises:
            NoisereelError: The loss becomes NaN or infinite.
        """
        self._check_room()
        with locked(self.files.home):
            self._run(watch)

    def _run(self, watch: frozenset[int]) -> None:
        training, steps = self.training, self.training.recipe.steps
        resumed, saved_at, good = self._resumed(watch), perf_counter(), training.checkpoint()
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
                location = (
                    f". The weights of step {kept_at} are kept in {self.files.home / CHECKPOINT}" if kept_at else ""
                )
                rate = training.recipe.learning_rate
                raise NoisereelError(
                    f"denoiser {self.name}: {error}; try a learning_rate below {rate:g}{location}"
                ) from error
        for step in watch:  # after an early stop, the weights no longer change
            if step > training.step:
                self._save(snapshot_name(step), _mean(recent))
        self._save(WEIGHTS, _mean(recent))
        self.files.remove(CHECKPOINT)

    def _resumed(self, watch: frozenset[int]) -> int:
        """Resume from the checkpoint if requested; returns the step of the kept checkpoint, or −1."""
        checkpoint = self.files.read(CHECKPOINT, "training starts over")
        if checkpoint is None:
            return -1
        facts = checkpoint.facts["training"]
        if self.ctx.resume and self._has_snapshots(facts["step"], watch):
            self.training.restore(checkpoint.tensors, facts)
        elif self.ctx.resume:
            self.ctx.progress.warn("the earlier training lacks snapshots that are shown; training starts over")
        return int(facts["step"])

    def _has_snapshots(self, step: int, watch: frozenset[int]) -> bool:
        """Return whether the earlier training kept the weights of every watched step before ``step``; read them."""
        names = [snapshot_name(watched) for watched in sorted(watch) if watched < step]
        kept = {name: weights for name in names if (weights := self.files.read(name)) is not None}
        self.done.update(kept if len(kept) == len(names) else {})
        return len(kept) == len(names)

    def _check_room(self) -> None:
        """Write a trial file of a checkpoint's size, so that a full disk is noticed before the work, not after."""
        self.files.write(_TRIAL, self.training.checkpoint()[0], {})
        self.files.remove(_TRIAL)

    def _keep(self, good: tuple[dict[str, Tensor], dict[str, Any]], earlier: int) -> int:
        """Write a checkpoint unless an earlier training got further; returns the step of the kept one, or 0."""
        tensors, facts = good
        if not self.ctx.persistent:
            return 0
        if facts["step"] > earlier and self.files.write(CHECKPOINT, tensors, {**self.facts, "training": facts}):
            return int(facts["step"])
        return max(0, earlier)

    def _save(self, name: str, loss: float) -> None:
        state = self.training.average.state_dict()
        facts = {**self.facts, "step": self.training.step, "loss": loss}
        self.done[name] = Weights({key: tensor.detach().cpu().clone() for key, tensor in state.items()}, facts)
        self.files.write(name, state, facts)


def _mean(losses: Collection[float]) -> float:
    return sum(losses) / len(losses) if losses else math.nan
