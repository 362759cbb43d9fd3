"""Denoisers that learn, from a run's own data, the first time that they are needed."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, cast

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from ..contracts.dataset import Data
from ..contracts.denoiser import Denoiser, DenoiserContext, Model, Snapshot
from ..contracts.digests import data_digest, facts_digest, identity, tensors_digest
from ..contracts.schedule import Level, Schedule
from ..support.compiled import Compile, uncompiled
from ..support.environment import machine, versions
from ..support.threads import ThreadPlan, by_rows, thread_plan, threads
from .checkpointer import WEIGHTS, Checkpointer, is_complete, snapshot_name
from .examples import Batch, Examples
from .prediction import PREDICTIONS, weight
from .training import Recipe, Training
from .weights import load_into, load_weights, read_facts

__all__ = ["TrainedDenoiser"]


_FAINT = 1e-3  # α/σ below which what a network gets wrong of ε ruins x̂_0 where a reverse process begins


class TrainedDenoiser(Recipe, Denoiser):
    """A denoiser with a network, trained on the run's own data the first time that it is needed.

    x̂_0 follows from the network's output F(x_t/√(α² + σ²), t/T) by what it ``predicts``. It is trained on
    w_t·‖F − target‖², averaged over samples, ε ~ N(0, I) and whole times t = 1 … T. The averaged weights are kept under
    a key made of all that they depend on, so that nothing is trained twice.
    """

    predicts: Literal["eps", "x0", "v", "velocity"] = "v"
    """What the network gives: the noise ε, the clean x_0, v = αε − σx_0, or the velocity ε − x_0."""
    weighting: Literal["simple", "snr", "min-snr", "sigmoid"] = "simple"
    """How errors weigh at each time: alike, by the SNR, by min(SNR, γ), or by 1/(1 + SNR·e^{−b}) on ε̂."""
    gamma: float = Field(default=5.0, gt=0)
    """γ of min-snr."""
    bias: float = Field(default=0.0, ge=-20, le=20)
    """b of sigmoid."""
    labelled: bool = False
    """Train with the data's labels, so that guidance can ask for a class."""
    drop_labels: float = Field(default=0.1, ge=0, le=1)
    """Share of examples whose label is withheld, so that the network knows all classes, too."""

    @model_validator(mode="after")
    def _patience_measures(self) -> TrainedDenoiser:
        if self.patience is not None and not self.held_out:
            raise ValueError("'patience' needs samples to measure on: give 'held_out' a share, such as 0.1")
        return self

    @abstractmethod
    def network(self, event_shape: tuple[int, ...], classes: int | None, schedule: Schedule) -> nn.Module:
        """A network before training: ``network(x, u, labels)`` with x (n, *event), u = t/T (n,), labels (n,) or None.

        torch's generator is seeded for its first weights.

        Args:
            event_shape: Shape of one particle.
            classes: Number of labels; the label ``classes`` itself means none, as None does. None: it takes none.
            schedule: The run's schedule.
        """

    def examples_per_thread(self, event_shape: tuple[int, ...]) -> float | None:
        """How many examples are worth a thread of their own: less than 1 if one is worth several; None for no parting.

        Threads that each take some examples are faster than threads that share every product of a small network. Unless
        this is None, several threads call the network at once: it must look at each row by itself, draw no random
        numbers and change nothing of itself.

        Args:
            event_shape: Shape of one particle.
        """
        return None

    @property
    def training_steps(self) -> int:
        return self.steps

    def check(self, ctx: DenoiserContext) -> str | None:
        if self.labelled and ctx.data.labels is None:
            return "'labelled' needs data with labels"
        if self.labelled and ctx.pairs is not None:
            return "'labelled' needs labels, and pairs of noise and samples have none"
        if ctx.schedule.T < 1:
            return f"it is trained at whole times t = 1 … T, and this schedule ends at T = {ctx.schedule.T:g}"
        if self.predicts == "eps" and ctx.schedule.at(ctx.schedule.T).alpha == 0:
            return (
                "'predicts: eps' says nothing of x_0 at t = T, where this schedule leaves no signal: use v or velocity"
            )
        if ctx.pairs is None and self.held_out and int(len(ctx.data.x0) * self.held_out) in (0, len(ctx.data.x0)):
            return f"'held_out' leaves nothing to train on or to measure, of {len(ctx.data.x0)} samples"
        return None

    def conditional(self, ctx: DenoiserContext) -> bool:
        return self.labelled

    def bind(self, ctx: DenoiserContext) -> Model:
        """Load the weights, trained first where they are not there yet.

        Raises:
            NoisereelError: They cannot be trained, or kept.
        """
        last = ctx.schedule.at(ctx.schedule.T)
        if self.predicts == "eps" and last.alpha < _FAINT * last.sigma:
            message = (
                f"at t = T the schedule leaves {last.alpha / last.sigma:.1g} of the signal, by which x̂_0 from ε̂ divides"
            )
            ctx.training.progress.warn(f"predicts: eps: {message}; v or velocity do not")
        return self._loaded(ctx, self.weights_file(ctx))

    def weights_file(self, ctx: DenoiserContext) -> Path:
        home = self._home(ctx)
        if not is_complete(home / WEIGHTS, ctx.training):
            self._train(ctx, home, ())
        return home / WEIGHTS

    def snapshots(self, ctx: DenoiserContext, steps: Sequence[int]) -> Sequence[Snapshot]:
        home = self._home(ctx)
        files = {step: home / snapshot_name(step) for step in steps}
        if not all(is_complete(file, ctx.training) for file in files.values()):
            self._train(ctx, home, steps)
        losses = {step: float(read_facts(file)["loss"]) for step, file in files.items()}
        ctx = replace(ctx, training=replace(ctx.training, compile=uncompiled))  # each model is used for one moment only
        return [Snapshot(step, losses[step], self._loaded(ctx, file)) for step, file in files.items()]

    def _thread_plan(self, ctx: DenoiserContext) -> ThreadPlan:
        """Who works on a step of training."""
        return thread_plan(self.batch, self.examples_per_thread(ctx.data.event_shape), ctx.device)

    def _home(self, ctx: DenoiserContext) -> Path:
        """Where the weights of this run lie."""
        with threads(self._thread_plan(ctx).threads):  # those it is trained with decide the last bits
            computer = machine(ctx.device)
        facts = {
            "denoiser": identity(self),
            "schedule": identity(ctx.schedule),
            "data": data_digest(ctx.data),
            "pairs": None if ctx.pairs is None else tensors_digest(ctx.pairs.x0, ctx.pairs.eps),
            "seed": ctx.seed,
            "versions": versions(),
            "machine": computer,
        }
        assert ctx.training.cache is not None, "runs have a folder for weights"
        return ctx.training.cache / facts_digest(facts)

    def classes(self, data: Data) -> int | None:
        """How many labels the network heeds; None if it heeds none."""
        return int(data.labels.max()) + 1 if self.labelled and data.labels is not None else None

    def _new_network(self, ctx: DenoiserContext) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(ctx.seed % 2**63)
            return self.network(ctx.data.event_shape, self.classes(ctx.data), ctx.schedule).to(ctx.device)

    def _loaded(self, ctx: DenoiserContext, file: Path) -> Model:
        return self.load(file, ctx.data.event_shape, self.classes(ctx.data), ctx)

    def load(self, file: Path, event_shape: tuple[int, ...], classes: int | None, ctx: DenoiserContext) -> Model:
        """The model of weights that lie in a file.

        Raises:
            NoisereelError: They cannot be read, or belong to another network.
        """
        network = self.network(event_shape, classes, ctx.schedule).requires_grad_(False).eval()
        load_into(network, load_weights(file), file)
        network = network.to(ctx.device)
        return self.model(network, ctx.schedule, ctx.training.compile)

    def model(self, network: nn.Module, schedule: Schedule, compiler: Compile = uncompiled) -> Model:
        """The denoiser that a network makes.

        A network that offers ``at(u, labels)``, itself as a function of x alone, may prepare what x has no part in.
        """
        prepare = getattr(network, "at", None)
        prepared = lru_cache(maxsize=4)(lambda u: prepare(u, None)) if prepare is not None else None

        def plain(x: Tensor, u: Tensor, labels: Tensor | None) -> Tensor:
            def some(x: Tensor, labels: Tensor | None) -> Tensor:
                if prepare is None or prepared is None:
                    return cast("Tensor", network(x, u.expand(len(x)), labels))
                return cast("Tensor", (prepared(u.item()) if labels is None else prepare(u.item(), labels))(x))

            each = labels if labels is None else labels.expand(len(x))
            return by_rows(some, x, each, least=self.examples_per_thread(tuple(x.shape[1:])))

        ask = plain if compiler is uncompiled else compiler(_Spread(network), plain)
        x0_of = PREDICTIONS[self.predicts].x0

        def model(x: Tensor, level: Level, labels: Tensor | None = None) -> Tensor:
            if level.sigma == 0:
                return x / level.alpha
            scaled, u = x / math.hypot(level.alpha, level.sigma), torch.tensor([level.t / schedule.T], device=x.device)
            return x0_of(x, ask(scaled, u, labels if self.labelled else None), level.alpha, level.sigma)

        return model

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Mean of w_t·‖F − target‖²/D over a batch."""
        with torch.autocast(batch.x.device.type, torch.bfloat16, enabled=batch.x.is_cuda):
            found = network(batch.x, batch.u, batch.labels)
        squared: Tensor = (found.float() - batch.target).square().flatten(1).mean(1)
        return torch.mean(squared * batch.weight)

    def _examples(self, ctx: DenoiserContext) -> Examples:
        T = math.floor(ctx.schedule.T)
        levels = [ctx.schedule.at(float(t)) for t in range(1, T + 1)]
        prediction = PREDICTIONS[self.predicts]
        weights = [
            weight(self.weighting, each, prediction.gain(each.alpha, each.sigma), self.gamma, self.bias)
            for each in levels
        ]
        return Examples.of(
            ctx,
            levels,
            weights,
            prediction.target,
            batch=self.batch,
            held_out=self.held_out,
            drop_labels=self.drop_labels if self.labelled else None,
        )

    def _train(self, ctx: DenoiserContext, home: Path, watch: Collection[int]) -> None:
        """Train, and keep the averaged weights of the end and of every watched step."""
        n, parts = self._thread_plan(ctx)
        with threads(n), torch.enable_grad():
            examples = self._examples(ctx)
            training = Training(self._new_network(ctx), self, examples.steps, self.loss, examples.measured(), parts)
            Checkpointer(training, home, ctx.training, self._name(ctx), self._facts(ctx)).run(frozenset(watch))

    def _name(self, ctx: DenoiserContext) -> str:
        plugins = ctx.training.plugins
        return type(self).__name__ if plugins is None else plugins.name_of(self)

    def _facts(self, ctx: DenoiserContext) -> dict[str, Any]:
        """Return the facts to store with weights: what they were trained on, and by which scene."""
        plugins = ctx.training.plugins
        spec = identity if plugins is None else plugins.to_spec
        return {
            "denoiser": spec(self),
            "schedule": spec(ctx.schedule),
            "event": list(ctx.data.event_shape),
            "classes": self.classes(ctx.data),
            "seed": ctx.seed,
            **ctx.training.provenance,
        }


class _Spread(nn.Module):
    """A network at one time for all particles, u of shape (1,)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, u: Tensor, labels: Tensor | None) -> Tensor:
        return cast("Tensor", self.network(x, u.expand(len(x)), labels))
