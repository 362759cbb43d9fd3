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
    """D_w = D_∅ + w·(D_c − D_∅): away from what all classes expect, towards what one of them does.

    D_c is another denoiser on the samples of class c alone (or, of a mixture, on its component), D_∅ the same on all of
    them; a trained one that heeds labels is asked with the label and without. Both are exact if that denoiser is:
    D_∅ = Σ_c p(c|x_t)·D_c. w = 0 is unconditional and w = 1 conditional, so this w is one more than Ho and Salimans'.
    Beyond 1 the particles crowd where class c is most unlike the others: they no longer follow its distribution, by
    design.

    References:
        Ho and Salimans (2022), arXiv:2207.12598, Eq. (6), whose w is this one less 1.
    """

    of: Denoiser
    """The denoiser of one class and of all: ``empirical``, ``mixture``, or one that is trained with labels."""
    label: int | None = Field(default=None, ge=0)
    """The class c that all particles shall belong to; where left out, that of each one's own: of row i mod n."""
    w: float = Field(default=1.0, ge=-100, le=100)
    """Strength of the guidance."""

    @property
    def is_discrete(self) -> bool:
        return self.of.is_discrete

    @property
    def training_steps(self) -> int | None:
        return self.of.training_steps

    def weights_file(self, ctx: DenoiserContext) -> Path | None:
        """That of all classes; where those of single ones have weights of their own, these are trained, too."""
        labels = ctx.data.labels
        assert labels is not None, "the run was checked for them"
        for one in () if self.of.conditional(ctx) else self._wanted(labels):
            self.of.weights_file(_only(ctx, one))
        return self.of.weights_file(ctx)

    def check(self, ctx: DenoiserContext) -> str | None:
        labels = ctx.data.labels
        if labels is None:
            return "the guided denoiser needs data with labels"
        if ctx.pairs is not None:
            return "the guided denoiser needs labels, and pairs of noise and samples have none"
        known = torch.unique(labels).tolist()
        if self.label is not None and self.label not in known:
            return f"the guided denoiser's label is {self.label}, but the data's are {', '.join(map(str, known))}"
        if (message := self.of.check(ctx)) or self.of.conditional(ctx):
            return message
        return next(filter(None, (self.of.check(_only(ctx, one)) for one in self._wanted(labels))), None)

    def bind(self, ctx: DenoiserContext) -> Model:
        """Make a model of all data, and one of each class that is asked for; or one of both, if it heeds labels.

        Raises:
            ValueError: The data have no labels, or not this one.
        """
        labels = ctx.data.labels
        if labels is None or self.check(ctx):
            raise ValueError(self.check(ctx))
        of_all = self.of.bind(ctx)
        if self.of.conditional(ctx):
            return self._asking(of_all, labels)
        return self._mixing(of_all, {c: self.of.bind(_only(ctx, c)) for c in self._wanted(labels)}, labels)

    def snapshots(self, ctx: DenoiserContext, steps: Sequence[int]) -> Sequence[Snapshot]:
        labels = ctx.data.labels
        assert labels is not None, "the run was checked for them"
        of_all = self.of.snapshots(ctx, steps)
        if self.of.conditional(ctx):
            return [replace(each, model=self._asking(each.model, labels)) for each in of_all]
        of_class = {c: self.of.snapshots(_only(ctx, c), steps) for c in self._wanted(labels)}
        return [
            replace(each, model=self._mixing(each.model, {c: own[i].model for c, own in of_class.items()}, labels))
            for i, each in enumerate(of_all)
        ]

    def _asking(self, model: Model, labels: Tensor) -> Model:
        """Guidance of one model that heeds labels."""
        return _Guided(model, model, self._classes(labels), self.w)

    def _mixing(self, of_all: Model, of_class: dict[int, Model], labels: Tensor) -> Model:
        """Guidance of a model for each class."""
        return _Guided(of_all, _by_class(of_class), self._classes(labels), self.w)

    def _classes(self, labels: Tensor) -> Tensor:
        """The classes of particles 0, 1, …, again from the beginning after the last."""
        return labels if self.label is None else labels.new_tensor([self.label])

    def _wanted(self, labels: Tensor) -> list[int]:
        """The classes that are asked for."""
        return torch.unique(labels).tolist() if self.label is None else [self.label]


def _by_class(models: dict[int, Model]) -> Model:
    """One model of several, each for the particles of its class."""

    def model(x: Tensor, level: Level, labels: Tensor) -> Tensor:
        if len(models) == 1:
            (only,) = models.values()
            return only(x, level)
        out = torch.full_like(x, math.nan)
        for c, of_class in models.items():
            mine = (labels == c).nonzero().squeeze(1)
            out = out.index_copy(0, mine, of_class(x[mine], level))
        return out

    return model


class _Guided:
    """D_∅ + w·(D_c − D_∅), c by particle."""

    def __init__(self, of_all: Model, of_class: Model, classes: Tensor, w: float) -> None:
        self.of_all = of_all
        self.of_class = of_class
        self.classes = classes
        self.w = w

    def __call__(self, x: Tensor, level: Level, labels: Tensor | None = None) -> Tensor:
        """D_w(x, t).

        Args:
            x: Particles, shape (m, *event).
            level: How noisy they are.
            labels: Class of each, shape (m,), where the scene names no one class.
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
    """With the samples of one class alone; of a mixture, whose labels are its components, the component's law too."""
    data = ctx.data
    assert data.labels is not None
    mine = data.labels == label
    law = data.density.only(label) if isinstance(data.density, GaussianMixture) else None
    hue = None if data.hue is None else data.hue[mine]
    return replace(ctx, data=replace(data, x0=data.x0[mine], labels=data.labels[mine], hue=hue, density=law))
