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
    """(x − m)/s of another data set: ``{standardised: measurements}``, so that its mean is 0 and its deviation 1.

    By default s is one number, so that shapes keep their proportions. The loaded data know m and s (``Data.scaling``),
    and densities follow the change: p(x)·s^D.
    """

    primary: ClassVar[str | None] = "of"

    of: Dataset
    """The other data set."""
    each: Literal["all", "axis"] = "all"
    """One deviation for all numbers, or one for each coordinate (of images: each pixel). Means are by coordinate."""

    def load(self, ctx: LoadContext) -> Data:
        """Load the other data set and scale it.

        Raises:
            ValueError: It does not vary: every sample has the same number there.
        """
        data = self.of.load(ctx)
        scaling = _scaling(data.x0, self.each)
        x0 = scaling.apply(data.x0)
        return replace(data, x0=x0, density=_density(data, scaling), scaling=scaling.after(data.scaling))

    def layers(self, event_shape: tuple[int, ...]) -> Sequence[str]:
        return self.of.layers(event_shape)


def _scaling(x0: Tensor, each: str) -> Scaling:
    wide = x0.double()
    shift = wide.mean(0)
    centred = wide - shift
    scale = centred.square().mean(0).sqrt() if each == "axis" else centred.square().mean().sqrt().expand_as(shift)
    # the mean of equal numbers may be off by a rounding, so that they seem to vary
    if bool((scale <= 1e-12 * wide.abs().amax(0)).any()):
        raise ValueError(
            "cannot be standardised: "
            + ("a coordinate is" if each == "axis" else "all samples are")
            + " the same everywhere"
        )
    return Scaling(shift, scale)


def _density(data: Data, scaling: Scaling) -> Callable[[Tensor, Level], Tensor] | None:
    """The density after scaling; noise on scaled data is the scaled-up noise on the data, if by one number."""
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
