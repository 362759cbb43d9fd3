"""Keeps what training makes: checkpoints on the way, weights at the end, and of moments that a film shows."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..denoiser import Bind
from ..errors import NoisereelError
from ..keys import identity
from .training import DivergedError, Training
from .weights import load_weights, read_facts, save_weights

if TYPE_CHECKING:
    from .learned import Learned

__all__ = ["CHECKPOINT", "WEIGHTS", "Keeper", "snapshot", "whole"]

WEIGHTS, CHECKPOINT, _TRIAL = "weights.safetensors", "checkpoint.safetensors", "trial.safetensors"

_KEEP_EVERY = 20.0  # seconds between two checkpoints on disk


def snapshot(step: int) -> str:
    """Name of the weights of a moment."""
    return f"step-{step}.safetensors"


def whole(file: Path, ctx: Bind, otherwise: str = "it is trained again") -> bool:
    """Whether kept weights are there and can be read; of damaged ones it is said what happens otherwise."""
    if not file.exists():
        return False
    try:
        read_facts(file)
    except NoisereelError as error:
        ctx.progress.warn(f"{error}; {otherwise}")
        return False
    return True


@dataclass
class Keeper:
    """Leads a training to its end, and sees to it that nothing is lost on the way."""

    denoiser: Learned
    ctx: Bind
    home: Path
    training: Training

    def follow(self, watch: frozenset[int]) -> None:
        """Train to the end and keep what is wanted.

        Raises:
            NoisereelError: The loss is no number any more, or weights cannot be written.
        """
        training = self.training
        resumed, kept, good = self._resumed(watch), perf_counter(), training.checkpoint()
        self._try_room(good)
        recent, since = deque[float](maxlen=100), list[float]()
        with self.ctx.progress.bar("training", self.denoiser.steps) as bar:
            bar(training.step)
            before = training.step
            try:
                for state in training.states(watch):
                    recent.extend(state.losses.tolist())
                    since += state.losses.tolist()
                    bar(state.step - before, f"loss {_mean(recent):.4f}" if recent else "")
                    before = state.step
                    if state.step in watch:
                        self._save(snapshot(state.step), _mean(since))
                        since.clear()
                    good = training.checkpoint()
                    if perf_counter() - kept > _KEEP_EVERY:
                        self._keep(good, resumed)
                        kept = perf_counter()
            except KeyboardInterrupt:
                kept_at, step = self._keep(good, resumed), good[1]["step"]
                there = "there" if kept_at == step else f"step {kept_at}, where an earlier training got"
                on = f"; --resume goes on from {there}" if kept_at else ""
                self.ctx.progress.warn(f"training stopped at step {step} of {self.denoiser.steps}{on}")
                raise
            except DivergedError as error:
                kept_at = self._keep(good, resumed)
                where = f". The weights of step {kept_at} are kept in {self.home / CHECKPOINT}" if kept_at else ""
                rate = self.denoiser.learning_rate
                raise NoisereelError(
                    f"denoiser {self._name}: {error}; a lower learning_rate than {rate:g} may do{where}"
                ) from error
        for step in watch:  # an early stop leaves these out: the weights no longer change
            if step > training.step:
                self._save(snapshot(step), _mean(recent))
        self._save(WEIGHTS, _mean(recent))
        (self.home / CHECKPOINT).unlink(missing_ok=True)

    def _resumed(self, watch: frozenset[int]) -> int:
        """Go on from the checkpoint, if that is asked for; gives the step that a kept checkpoint is at, or −1."""
        file = self.home / CHECKPOINT
        if not whole(file, self.ctx, "training begins anew"):
            return -1
        facts = read_facts(file)["training"]
        if self.ctx.resume and self._kept_up_to(facts["step"], watch):
            self.training.restore(load_weights(file), facts)
        elif self.ctx.resume:
            self.ctx.progress.warn("moments that are shown were not kept before; training begins anew")
        return int(facts["step"])

    def _kept_up_to(self, step: int, watch: frozenset[int]) -> bool:
        """Whether every watched moment before a step was kept when training came by."""
        return all((self.home / snapshot(each)).exists() for each in watch if each < step)

    @property
    def _name(self) -> str:
        registry = self.ctx.registry
        return type(self.denoiser).__name__ if registry is None else registry.name_of(self.denoiser)

    def _try_room(self, good: tuple[dict[str, Tensor], dict[str, Any]]) -> None:
        """Write as much as a checkpoint takes: that there is no room had better be known before the work."""
        save_weights(self.home / _TRIAL, good[0], {})
        (self.home / _TRIAL).unlink(missing_ok=True)  # another program may train the same

    def _keep(self, good: tuple[dict[str, Tensor], dict[str, Any]], earlier: int) -> int:
        """Write a checkpoint, unless an earlier training got further; gives the step that the kept one is at, or 0."""
        tensors, facts = good
        if not self.ctx.lasting:
            return 0
        if facts["step"] > earlier:
            save_weights(self.home / CHECKPOINT, tensors, {**self._facts(), "training": facts})
        return max(int(facts["step"]), earlier)

    def _save(self, name: str, loss: float) -> None:
        state = self.training.average.state_dict()
        save_weights(self.home / name, state, {**self._facts(), "step": self.training.step, "loss": loss})

    def _facts(self) -> dict[str, Any]:
        """What the weights belong to."""
        ctx = self.ctx
        named = ctx.registry.spec if ctx.registry is not None else identity
        return {
            "denoiser": named(self.denoiser),
            "schedule": named(ctx.schedule),
            "event": list(ctx.data.event),
            "classes": self.denoiser.classes(ctx.data),
            "seed": ctx.seed,
            **ctx.scene,
        }


def _mean(losses: Collection[float]) -> float:
    return sum(losses) / len(losses) if losses else math.nan
