"""Trained denoisers: networks trained on a run's own data when first needed."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, cast

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from ..contracts.dataset import Data
from ..contracts.denoiser import Denoiser, DenoiserContext, Model, Snapshot
from ..contracts.digests import data_digest, facts_digest, tensors_digest
from ..contracts.identity import UnkeyableError, identity
from ..contracts.schedule import Level, Schedule
from ..support.compiled import Compile, uncompiled
from ..support.environment import machine, versions
from ..support.errors import NoisereelError
from ..support.threads import ThreadPlan, by_rows, thread_plan, threads
from .checkpointer import WEIGHTS, Checkpointer, WeightFiles, Weights, snapshot_name
from .examples import Batch, Examples
from .prediction import PREDICTIONS, weight
from .training import Recipe, Training
from .weights import load_into, load_weights

__all__ = ["TrainedDenoiser"]


_MIN_SIGNAL = 1e-3  # α/σ at T below which a network's errors in ε̂ ruin x̂_0 at the start of a reverse process


class TrainedDenoiser(Recipe, Denoiser):
    """A denoiser with a network, trained on the run's own data when first needed.

    x̂_0 follows from the network's output F(x_t/√(α² + σ²), t/T) according to what it ``predicts``. The loss is
    w_t·‖F − target‖², averaged over samples, ε ~ N(0, I) and integer times t = 1 … T. The averaged weights are cached
    under a key made of everything that they depend on, so that nothing is trained twice.
    """

    predicts: Literal["eps", "x0", "v", "velocity"] = "v"
    """Meaning of the network's output: the noise ε, the clean x_0, v = αε − σx_0, or the velocity ε − x_0."""
    weighting: Literal["simple", "snr", "min-snr", "sigmoid"] = "simple"
    """Weights of errors over time: all equal, the SNR, min(SNR, γ), or 1/(1 + SNR·e^{−b}) on ε̂."""
    gamma: float = Field(default=5.0, gt=0)
    """γ of min-snr."""
    bias: float = Field(default=0.0, ge=-20, le=20)
    """b of sigmoid."""
    labelled: bool = False
    """Whether to train with the data's labels, so that guidance can choose a class."""
    drop_labels: float = Field(default=0.1, ge=0, le=1)
    """Share of examples whose label is dropped, to also learn the unconditional denoiser (classifier-free guidance)."""

    @model_validator(mode="after")
    def _patience_needs_held_out(self) -> TrainedDenoiser:
        if self.patience is not None and not self.held_out:
            raise ValueError("'patience' needs held-out samples: set 'held_out' to a share such as 0.1")
        return self

    @abstractmethod
    def network(self, event_shape: tuple[int, ...], classes: int | None, schedule: Schedule) -> nn.Module:
        """Build an untrained network ``network(x, u, labels)``: x (n, *event), u = t/T (n,), labels (n,) or None.

        torch's generator is seeded for its initial weights.

        Args:
            event_shape: Shape of one particle.
            classes: Number of classes, None if it takes no labels; the label ``classes`` means no label, as does None.
            schedule: The run's schedule.
        """

    def examples_per_thread(self, event_shape: tuple[int, ...]) -> float | None:
        """Return how many examples are worth a thread: less than 1 if one is worth several; None to never divide them.

        For a small network, threads with examples of their own are faster than threads that share every product. Unless
        this is None, several threads call the network concurrently: it must process each row independently, draw no
        random numbers and not change its own state.

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
            return "'labelled' needs labels, but pairs of noise and samples have none"
        if ctx.schedule.T < 1:
            return f"it is trained at integer times t = 1 … T, but this schedule ends at T = {ctx.schedule.T:g}"
        if self.predicts == "eps" and ctx.schedule.at(ctx.schedule.T).alpha == 0:
            return "'predicts: eps' gives no x_0 at t = T, where this schedule leaves no signal: use v or velocity"
        if ctx.pairs is None and self.held_out and int(len(ctx.data.x0) * self.held_out) in (0, len(ctx.data.x0)):
            return f"'held_out' leaves no samples to train on, or none to evaluate on, of {len(ctx.data.x0)}"
        return None

    def conditional(self, ctx: DenoiserContext) -> bool:
        return self.labelled

    def bind(self, ctx: DenoiserContext) -> Model:
        """Load the weights, after training if they do not exist yet.

        Raises:
            NoisereelError: Training fails.
        """
        last = ctx.schedule.at(ctx.schedule.T)
        if self.predicts == "eps" and last.alpha < _MIN_SIGNAL * last.sigma:
            ctx.training.progress.warn(
                "predicts: eps: x̂_0 from ε̂ is divided by the signal, of which the schedule leaves "
                f"{last.alpha / last.sigma:.1g} at t = T: use v or velocity"
            )
        return self._model_of(ctx, self._ready(ctx, self._files(ctx), [WEIGHTS])[WEIGHTS])

    def weights_file(self, ctx: DenoiserContext) -> Path:
        files = self._files(ctx)
        self._ready(ctx, files, [WEIGHTS])
        file = files.path(WEIGHTS)
        if file is None:
            raise NoisereelError(f"{files.home / WEIGHTS}: cannot be written, or was removed")
        return file

    def snapshots(self, ctx: DenoiserContext, steps: Sequence[int]) -> Sequence[Snapshot]:
        weights = self._ready(ctx, self._files(ctx), [snapshot_name(step) for step in steps], steps)
        ctx = replace(ctx, training=replace(ctx.training, compile=uncompiled))  # each model is used for one moment only
        by_step = {step: weights[snapshot_name(step)] for step in steps}
        return [Snapshot(step, float(w.facts["loss"]), self._model_of(ctx, w)) for step, w in by_step.items()]

    def _ready(
        self, ctx: DenoiserContext, files: WeightFiles, names: Sequence[str], watch: Collection[int] = ()
    ) -> Mapping[str, Weights]:
        """Return the weights of some files, after training if not all of them can be read."""
        found: dict[str, Weights] = {}
        for name in names:
            weights = files.read(name)
            if weights is None:
                return self._train(ctx, files, watch)
            found[name] = weights
        return found

    def _files(self, ctx: DenoiserContext) -> WeightFiles:
        return WeightFiles(self._home(ctx), ctx.training.progress.warn)

    def _thread_plan(self, ctx: DenoiserContext) -> ThreadPlan:
        """Return the division of a training step among threads."""
        return thread_plan(self.batch, self.examples_per_thread(ctx.data.event_shape), ctx.device)

    def _home(self, ctx: DenoiserContext) -> Path:
        """Return the folder of this run's weights."""
        with threads(self._thread_plan(ctx).threads):  # the number of threads affects rounding
            computer = machine(ctx.device)
        assert ctx.training.cache is not None, "runs have a folder for weights"
        try:
            own = [identity(self), identity(ctx.schedule)]
        except UnkeyableError:  # the folder is then the run's own
            return ctx.training.cache / f"{id(self):x}"
        facts = {
            "denoiser": own,
            "data": data_digest(ctx.data),
            "pairs": None if ctx.pairs is None else tensors_digest(ctx.pairs.x0, ctx.pairs.eps),
            "seed": ctx.seed,
            "versions": versions(),
            "machine": computer,
        }
        return ctx.training.cache / facts_digest(facts)

    def classes(self, data: Data) -> int | None:
        """Return the number of classes that the network knows; None if it takes no labels."""
        return int(data.labels.max()) + 1 if self.labelled and data.labels is not None else None

    def _new_network(self, ctx: DenoiserContext) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(ctx.seed % 2**63)
            return self.network(ctx.data.event_shape, self.classes(ctx.data), ctx.schedule).to(ctx.device)

    def load(self, file: Path, event_shape: tuple[int, ...], classes: int | None, ctx: DenoiserContext) -> Model:
        """Return the model with the weights of a file.

        Raises:
            NoisereelError: They cannot be read, or belong to another network.
        """
        return self._with(load_weights(file), file, event_shape, classes, ctx)

    def _model_of(self, ctx: DenoiserContext, weights: Weights) -> Model:
        return self._with(weights.tensors, self._home(ctx), ctx.data.event_shape, self.classes(ctx.data), ctx)

    def _with(
        self,
        tensors: Mapping[str, Tensor],
        source: Path,
        event_shape: tuple[int, ...],
        classes: int | None,
        ctx: DenoiserContext,
    ) -> Model:
        network = self.network(event_shape, classes, ctx.schedule).requires_grad_(False).eval()
        load_into(network, tensors, source)
        network = network.to(ctx.device)
        return self.model(network, ctx.schedule, ctx.training.compile)

    def model(self, network: nn.Module, schedule: Schedule, compiler: Compile = uncompiled) -> Model:
        """Return the denoiser that a network defines.

        A network may have a method ``at(u, labels)`` that returns it as a function of x alone, after computing
        everything that does not depend on x.
        """
        prepare = getattr(network, "at", None)
        prepared = lru_cache(maxsize=4)(lambda u: prepare(u, None)) if prepare is not None else None

        def plain(x: Tensor, u: Tensor, labels: Tensor | None) -> Tensor:
            def evaluate(x: Tensor, labels: Tensor | None) -> Tensor:
                if prepare is None or prepared is None:
                    return cast("Tensor", network(x, u.expand(len(x)), labels))
                return cast("Tensor", (prepared(u.item()) if labels is None else prepare(u.item(), labels))(x))

            row_labels = labels if labels is None else labels.expand(len(x))
            return by_rows(evaluate, x, row_labels, least=self.examples_per_thread(tuple(x.shape[1:])))

        output = plain if compiler is uncompiled else compiler(_AtOneTime(network), plain)
        x0_of = PREDICTIONS[self.predicts].x0

        def model(x: Tensor, level: Level, labels: Tensor | None = None) -> Tensor:
            if level.sigma == 0:
                return x / level.alpha
            scaled, u = x / math.hypot(level.alpha, level.sigma), torch.tensor([level.t / schedule.T], device=x.device)
            return x0_of(x, output(scaled, u, labels if self.labelled else None), level.alpha, level.sigma)

        return model

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Return the mean of w_t·‖F − target‖²/D over a batch."""
        with torch.autocast(batch.x.device.type, torch.bfloat16, enabled=batch.x.is_cuda):
            output = network(batch.x, batch.u, batch.labels)
        squared: Tensor = (output.float() - batch.target).square().flatten(1).mean(1)
        return torch.mean(squared * batch.weight)

    def _examples(self, ctx: DenoiserContext) -> Examples:
        T = math.floor(ctx.schedule.T)
        levels = [ctx.schedule.at(float(t)) for t in range(1, T + 1)]
        prediction = PREDICTIONS[self.predicts]
        weights = [
            weight(self.weighting, level, prediction.gain(level.alpha, level.sigma), self.gamma, self.bias)
            for level in levels
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

    def _train(self, ctx: DenoiserContext, files: WeightFiles, watch: Collection[int]) -> Mapping[str, Weights]:
        """Train; keep and return the final averaged weights and those after every watched step."""
        n, parts = self._thread_plan(ctx)
        with threads(n), torch.enable_grad():
            examples = self._examples(ctx)
            training = Training(self._new_network(ctx), self, examples.steps, self.loss, examples.measured(), parts)
            checkpointer = Checkpointer(training, files, ctx.training, self._name(ctx), self._facts(ctx))
            checkpointer.run(frozenset(watch))
        return checkpointer.done

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


class _AtOneTime(nn.Module):
    """A network at one time for all particles, u of shape (1,)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, u: Tensor, labels: Tensor | None) -> Tensor:
        return cast("Tensor", self.network(x, u.expand(len(x)), labels))
