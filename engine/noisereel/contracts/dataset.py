"""Data sets: where x_0 comes from."""

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

__all__ = ["Data", "Dataset", "Draw", "LoadContext", "Scaling"]


class Draw(Protocol):
    """Keyed random numbers for loading: the same seed and name always give the same ones."""

    def normal(self, *shape: int, name: str = "normal") -> Tensor:
        """Standard normal numbers, float32, on the CPU."""

    def uniform(self, *shape: int, name: str = "uniform") -> Tensor:
        """Numbers uniform in [0, 1), float32, on the CPU."""


@dataclass(frozen=True, slots=True)
class LoadContext:
    """What a data set may use while it loads.

    Attributes:
        folder: The scene's folder, which relative paths start from.
        draw: Keyed random numbers.
    """

    folder: Path
    draw: Draw


@dataclass(frozen=True, slots=True)
class Scaling:
    """How samples were centred and scaled: x = (raw − shift)/scale.

    Attributes:
        shift: What was subtracted, shape (*event), float64.
        scale: What it was divided by, shape (*event), float64.
    """

    shift: Tensor
    scale: Tensor

    def apply(self, raw: Tensor) -> Tensor:
        """Centre and scale samples, shape (n, *event)."""
        return ((raw.double() - self.shift.to(raw.device)) / self.scale.to(raw.device)).to(raw.dtype)

    def restore(self, x: Tensor) -> Tensor:
        """The samples as they were, shape (n, *event)."""
        return (x.double() * self.scale.to(x.device) + self.shift.to(x.device)).to(x.dtype)

    def after(self, first: Scaling | None) -> Scaling:
        """What another scaling and then this one come to."""
        return self if first is None else Scaling(self.shift * first.scale + first.shift, self.scale * first.scale)


@dataclass(frozen=True, slots=True)
class Data:
    """A loaded data set.

    Attributes:
        x0: Clean samples, shape (n, *event), float32: points (n, D), grey images (n, H, W) or RGB (n, H, W, 3)
            in [−1, 1].
        labels: Class of each sample, shape (n,), int64, where there are classes.
        hue: What colour a sample starts with, shape (n,), in [0, 1]: a curve's parameter, an angle, a label.
        density: p_t(x) for points x of shape (m, *event) at a level, shape (m,), where it is known in closed form.
        palette: What the hues 0, 1/255 … 1 mean, where samples have colours of their own: shape (256, 3), uint8.
        scaling: How to get back to the numbers that were given, where these were scaled.

    Raises:
        ValueError: These are no such tensors.
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
            raise ValueError(f"Data: x0 must be a tensor of floats, shape (n, D) or that of images, not {_what(x0)}")
        for name in ("labels", "hue"):
            given: object = getattr(self, name)
            if given is not None and not (isinstance(given, Tensor) and given.shape == x0.shape[:1]):
                raise ValueError(
                    f"Data: {name} must be a tensor of shape ({len(x0)},), one for each sample, not {_what(given)}"
                )

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return tuple(self.x0.shape[1:])

    def to(self, device: torch.device) -> Data:
        """The same data on another device."""
        labels = None if self.labels is None else self.labels.to(device)
        hue = None if self.hue is None else self.hue.to(device)
        return replace(self, x0=self.x0.to(device), labels=labels, hue=hue)


def _what(given: object) -> str:
    """What a plugin gave in place of a tensor, or of another one."""
    if not isinstance(given, Tensor):
        return f"of type {type(given).__name__}"
    return f"{str(given.dtype).removeprefix('torch.')} of shape {tuple(given.shape)}"


class Dataset(Plugin):
    """Gives clean samples x_0."""

    kind: ClassVar[str] = "dataset"

    @abstractmethod
    def load(self, ctx: LoadContext) -> Data:
        """Read or draw the samples.

        Raises:
            ValueError: The data cannot be used; the message says what would do.
            OSError: A file cannot be read.
        """

    def layers(self, event_shape: tuple[int, ...]) -> Sequence[str]:
        """Names of the renderers that show this data well when a scene names none; if none, what suits the event."""
        return ()
