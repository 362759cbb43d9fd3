"""Data sets: sources of clean samples x_0."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from .plugin import Plugin
from .schedule import Level

__all__ = ["Data", "Dataset", "Draw", "LoadContext", "Scaling", "describe"]


class Draw(Protocol):
    """Keyed random numbers for loading: the same seed and name always give the same numbers."""

    def normal(self, *shape: int, name: str = "normal") -> Tensor:
        """Draw standard normal numbers, float32, on the CPU."""

    def uniform(self, *shape: int, name: str = "uniform") -> Tensor:
        """Draw numbers uniform in [0, 1), float32, on the CPU."""


def _ignore(warning: str) -> None:
    """Show no warning."""


@dataclass(frozen=True, slots=True)
class LoadContext:
    """Inputs of a data set while it loads.

    Attributes:
        folder: The scene's folder, which relative paths start from.
        draw: Keyed random numbers.
        warn: Shows a one-line warning, such as that a part of a file was left out.
    """

    folder: Path
    draw: Draw
    warn: Callable[[str], None] = _ignore


@dataclass(frozen=True, slots=True)
class Scaling:
    """Centring and scaling of samples: x = (raw − shift)/scale.

    Attributes:
        shift: Subtracted from the samples, shape (*event), float64.
        scale: Divisor, shape (*event), float64.
    """

    shift: Tensor
    scale: Tensor

    def apply(self, raw: Tensor) -> Tensor:
        """Centre and scale samples, shape (n, *event)."""
        return ((raw.double() - self.shift.to(raw.device)) / self.scale.to(raw.device)).to(raw.dtype)

    def restore(self, x: Tensor) -> Tensor:
        """Undo the scaling of samples, shape (n, *event)."""
        return (x.double() * self.scale.to(x.device) + self.shift.to(x.device)).to(x.dtype)

    def after(self, first: Scaling | None) -> Scaling:
        """Return this scaling applied after another one, as one scaling."""
        return self if first is None else Scaling(self.shift * first.scale + first.shift, self.scale * first.scale)


@dataclass(frozen=True, slots=True)
class Data:
    """A loaded data set.

    Attributes:
        x0: Clean samples, shape (n, *event): points (n, D), grey images (n, H, W) or RGB (n, H, W, 3) in [−1, 1].
            Of a loaded data set float32, or float64 where it matters; a run's data are always float32.
        labels: Class of each sample, shape (n,), int64, if there are classes.
        hue: Each sample's position on the colour gradient, shape (n,), in [0, 1]: a curve parameter, an angle, a label.
        density: p_t(x) for points x of shape (m, *event) at a level, shape (m,), if known in closed form.
        palette: RGB colours of the hues 0, 1/255 … 1, shape (256, 3), uint8; None for the theme's gradient.
        scaling: Scaling applied to the original values, if any.

    Raises:
        ValueError: A value is not such a tensor.
    """

    x0: Tensor
    labels: Tensor | None = None
    hue: Tensor | None = None
    density: Callable[[Tensor, Level], Tensor] | None = None
    palette: Tensor | None = None
    scaling: Scaling | None = None

    def __post_init__(self) -> None:
        x0: object = self.x0
        if not (isinstance(x0, Tensor) and x0.is_floating_point() and x0.ndim > 1):
            raise ValueError(
                f"Data: x0 must be a tensor of floats of shape (n, D), (n, H, W) or (n, H, W, 3), not {describe(x0)}"
            )
        for name in ("labels", "hue"):
            value: object = getattr(self, name)
            if value is not None and not (isinstance(value, Tensor) and value.shape == x0.shape[:1]):
                raise ValueError(
                    f"Data: {name} must be a tensor of shape ({len(x0)},), one per sample, not {describe(value)}"
                )

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return tuple(self.x0.shape[1:])

    def to(self, device: torch.device) -> Data:
        """Return the same data on another device."""
        labels = None if self.labels is None else self.labels.to(device)
        hue = None if self.hue is None else self.hue.to(device)
        return replace(self, x0=self.x0.to(device), labels=labels, hue=hue)


def describe(value: object) -> str:
    """Return the type of a value, or the dtype and shape of a tensor, for messages."""
    if not isinstance(value, Tensor):
        return f"a value of type {type(value).__name__}"
    return f"{str(value.dtype).removeprefix('torch.')} of shape {tuple(value.shape)}"


class Dataset(Plugin):
    """A source of clean samples x_0."""

    kind: ClassVar[str] = "dataset"

    @abstractmethod
    def load(self, ctx: LoadContext) -> Data:
        """Read or draw the samples.

        Raises:
            ValueError: The data cannot be used; the message suggests a fix.
            OSError: A file cannot be read.
        """

    def layers(self, event_shape: tuple[int, ...]) -> Sequence[str]:
        """Return the names of the renderers that show it by default; if empty, those for its event shape are used."""
        return ()
