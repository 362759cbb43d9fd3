"""Class-conditional denoising with guidance."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from pydantic import Field
from torch import Tensor

from noisereel.contracts.denoiser import Denoiser, DenoiserContext, Model, Snapshot
from noisereel.contracts.schedule import Level

from ..datasets.mixtures.gaussian_mixture import GaussianMixture

__all__ = ["Guided"]


class Guided(Denoiser):
    """Guidance of another denoiser towards a class c: D_w = D_∅ + w·(D_c − D_∅).

    D_c is the other denoiser for the samples of class c only (for a mixture, for its component), D_∅ the same for all
    samples; a conditional one is called with the label and without it. Both are exact if that denoiser is:
    D_∅ = Σ_c p(c|x_t)·D_c. w = 0 is unconditional and w = 1 conditional, so w is Ho and Salimans' w plus 1. Above 1,
    particles gather where class c differs most from the others: by design, they no longer follow its distribution.

    References:
        Ho and Salimans (2022), arXiv:2207.12598, Eq. (6), whose w is this one minus 1.
    """

    of: Denoiser
    """The denoiser to guide: ``empirical``, ``mixture``, or one that is trained with labels."""
    label: int | None = Field(default=None, ge=0)
    """The class c for all particles; if omitted, each particle i has the class of sample i mod n."""
    w: float = Field(default=1.0, ge=-100, le=100)
    """Strength of the guidance."""

    @property
    def is_discrete(self) -> bool:
        return self.of.is_discrete

    @property
    def training_steps(self) -> int | None:
        return self.of.training_steps

    def weights_file(self, ctx: DenoiserContext) -> Path | None:
        """Return the file of the denoiser for all classes; train those for single classes, too."""
        labels = ctx.data.labels
        assert labels is not None, "checked before the run"
        for label in () if self.of.conditional(ctx) else self._target_classes(labels):
            self.of.weights_file(_only(ctx, label))
        return self.of.weights_file(ctx)

    def check(self, ctx: DenoiserContext) -> str | None:
        labels = ctx.data.labels
        if labels is None:
            return "the guided denoiser needs data with labels"
        if ctx.pairs is not None:
            return "the guided denoiser needs labels, but pairs of noise and samples have none"
        known = torch.unique(labels).tolist()
        if self.label is not None and self.label not in known:
            return f"the guided denoiser's label is {self.label}, but the data's are {', '.join(map(str, known))}"
        if (message := self.of.check(ctx)) or self.of.conditional(ctx):
            return message
        return next(filter(None, (self.of.check(_only(ctx, label)) for label in self._target_classes(labels))), None)

    def bind(self, ctx: DenoiserContext) -> Model:
        """Build a model for all data and one for each target class, or one for both if it is conditional.

        Raises:
            ValueError: The data has no labels, or not this one.
        """
        labels = ctx.data.labels
        if labels is None or self.check(ctx):
            raise ValueError(self.check(ctx))
        of_all = self.of.bind(ctx)
        if self.of.conditional(ctx):
            return self._guide_conditional(of_all, labels)
        of_class = {c: self.of.bind(_only(ctx, c)) for c in self._target_classes(labels)}
        return self._guide_by_class(of_all, of_class, labels)

    def snapshots(self, ctx: DenoiserContext, steps: Sequence[int]) -> Sequence[Snapshot]:
        labels = ctx.data.labels
        assert labels is not None, "checked before the run"
        of_all = self.of.snapshots(ctx, steps)
        if self.of.conditional(ctx):
            return [replace(s, model=self._guide_conditional(s.model, labels)) for s in of_all]
        of_class = {c: self.of.snapshots(_only(ctx, c), steps) for c in self._target_classes(labels)}
        models = [{c: snapshots[i].model for c, snapshots in of_class.items()} for i in range(len(of_all))]
        return [
            replace(s, model=self._guide_by_class(s.model, by_class, labels))
            for s, by_class in zip(of_all, models, strict=True)
        ]

    def _guide_conditional(self, model: Model, labels: Tensor) -> Model:
        """Guide one model that uses labels."""
        return _Guided(model, model, self._classes(labels), self.w)

    def _guide_by_class(self, of_all: Model, of_class: dict[int, Model], labels: Tensor) -> Model:
        """Guide a model of all data by one model per class."""
        return _Guided(of_all, _by_class(of_class), self._classes(labels), self.w)

    def _classes(self, labels: Tensor) -> Tensor:
        """Return the classes of particles 0, 1, …, repeating after the last."""
        return labels if self.label is None else labels.new_tensor([self.label])

    def _target_classes(self, labels: Tensor) -> list[int]:
        """Return the classes that particles are guided towards."""
        return torch.unique(labels).tolist() if self.label is None else [self.label]


def _by_class(models: dict[int, Model]) -> Model:
    """Combine models into one that applies each to the particles of its class."""

    def model(x: Tensor, level: Level, labels: Tensor) -> Tensor:
        if len(models) == 1:
            (only,) = models.values()
            return only(x, level)
        out = torch.full_like(x, math.nan)
        for c, of_class in models.items():
            rows = (labels == c).nonzero().squeeze(1)
            out = out.index_copy(0, rows, of_class(x[rows], level))
        return out

    return model


class _Guided:
    """The model D_∅ + w·(D_c − D_∅), with a class c for each particle."""

    def __init__(self, of_all: Model, of_class: Model, classes: Tensor, w: float) -> None:
        self.of_all = of_all
        self.of_class = of_class
        self.classes = classes
        self.w = w

    def __call__(self, x: Tensor, level: Level, labels: Tensor | None = None) -> Tensor:
        """Return D_w(x, t).

        Args:
            x: Particles, shape (m, *event).
            level: Noise level of the particles.
            labels: Class of each particle, shape (m,); not used if the scene names one class for all.
        """
        if self.w == 0:
            return self.of_all(x, level)
        if labels is None or len(self.classes) == 1:
            labels = self.classes[torch.arange(len(x), device=self.classes.device) % len(self.classes)]
        conditional = self.of_class(x, level, labels)
        if self.w == 1:
            return conditional
        return torch.lerp(self.of_all(x, level), conditional, self.w)


def _only(ctx: DenoiserContext, label: int) -> DenoiserContext:
    """Restrict the data to one class, and the law of a mixture, whose labels are its components, to that component."""
    data = ctx.data
    assert data.labels is not None
    rows = data.labels == label
    law = data.density.only(label) if isinstance(data.density, GaussianMixture) else None
    hue = None if data.hue is None else data.hue[rows]
    return replace(ctx, data=replace(data, x0=data.x0[rows], labels=data.labels[rows], hue=hue, density=law))
