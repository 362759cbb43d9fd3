"""Another data set, centred and scaled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

import torch
from torch import Tensor

from noisereel.contracts.dataset import Data, Dataset, LoadContext, Scaling
from noisereel.contracts.schedule import Level

from .mixtures.gaussian_mixture import GaussianMixture

__all__ = ["Standardised"]


class Standardised(Dataset):
    """Another data set, centred and scaled to standard deviation 1: ``{standardised: measurements}``.

    Samples x become (x − m)/s. By default s is one number, so that shapes keep their proportions. The loaded data
    contain m and s (``Data.scaling``), and a known density is converted: p(x)·s^D.
    """

    primary: ClassVar[str | None] = "of"

    of: Dataset
    """The data set to standardise."""
    each: Literal["all", "axis"] = "all"
    """One s for all coordinates, or one per axis (for images, per pixel). Means are always per axis."""

    def load(self, ctx: LoadContext) -> Data:
        """Load the other data set and scale it.

        Raises:
            ValueError: All samples are equal, or equal in one coordinate if s is per axis.
        """
        data = self.of.load(ctx)
        scaling = _scaling(data.x0, self.each)
        x0 = scaling.apply(data.x0)
        return replace(data, x0=x0, density=_density(data, scaling), scaling=scaling.after(data.scaling))

    def layers(self, event_shape: tuple[int, ...]) -> Sequence[str]:
        return self.of.layers(event_shape)


def _scaling(x0: Tensor, each: str) -> Scaling:
    x = x0.double()
    shift = x.mean(0)
    centred = x - shift
    scale = centred.square().mean(0).sqrt() if each == "axis" else centred.square().mean().sqrt().expand_as(shift)
    # rounding in the mean of equal numbers makes them seem to vary
    if bool((scale <= 1e-12 * x.abs().amax(0)).any()):
        raise ValueError(
            "cannot be standardised: "
            + ("a coordinate has the same value in all samples" if each == "axis" else "all samples are equal")
        )
    return Scaling(shift, scale)


def _density(data: Data, scaling: Scaling) -> Callable[[Tensor, Level], Tensor] | None:
    """Return the density of the scaled data, or None if it is not known.

    Noise σ on the scaled data is noise s·σ on the original data, so s must be one number unless they are a mixture.
    """
    density, shift, scale = data.density, scaling.shift, scaling.scale
    if density is None:
        return None
    if isinstance(density, GaussianMixture):
        return density.scaled(shift, scale)
    s = float(scale.flatten()[0])
    if not torch.equal(scale, scale.new_full(scale.shape, s)):
        return None

    def scaled(y: Tensor, level: Level) -> Tensor:
        x = s * y.double() + level.alpha * shift.to(y.device)
        return (s ** shift.numel() * density(x, Level(level.t, level.alpha, s * level.sigma))).to(y.dtype)

    return scaled
