"""An example of a plugin package: a data set and a layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
import torch
from pydantic import Field

from noisereel import Data, Dataset, LoadContext, Moment, Polylines, RenderContext, Renderer, RunView, hookimpl
from noisereel.contracts.marks import Mark


class Lissajous(Dataset):
    """Points along the curve (cos(across·φ), sin(up·φ))·√2, which has variance 1 in each direction."""

    n: int = Field(default=2_000, ge=1)
    """Number of points."""
    across: int = Field(default=3, ge=1)
    """Waves from left to right."""
    up: int = Field(default=2, ge=1)
    """Waves from bottom to top."""

    def load(self, ctx: LoadContext) -> Data:
        phi = torch.arange(self.n) * (2 * math.pi / self.n)
        curve = torch.stack([torch.cos(self.across * phi), torch.sin(self.up * phi)], dim=1)
        return Data(math.sqrt(2) * curve, hue=1 - (phi / math.pi - 1).abs())


class Rings(Renderer):
    """Ellipses at whole standard deviations around the mean of the cloud; circles once it is Gaussian."""

    space = "plane"
    primary = "count"

    count: int = Field(default=2, ge=1, le=5)
    """Number of ellipses."""

    def marks(self, run: RunView, moment: Moment, ctx: RenderContext) -> Iterable[Mark]:
        x = run.trajectory.series("x", moment.index)
        mean = x.mean(axis=0)
        _, scale, axes = np.linalg.svd(x - mean, full_matrices=False)
        turn = np.linspace(0, 2 * math.pi, 181)
        ellipse = np.stack([np.cos(turn), np.sin(turn)], axis=1) @ (scale[:, None] * axes) / math.sqrt(len(x))
        rings = tuple(mean + k * ellipse for k in range(1, self.count + 1))
        yield Polylines(rings, ctx.theme.color("muted"), width=1.5, dash="dashed")


@hookimpl
def register_datasets(register: Callable[[str, type[Dataset]], None]) -> None:
    register("lissajous", Lissajous)


@hookimpl
def register_renderers(register: Callable[[str, type[Renderer]], None]) -> None:
    register("rings", Rings)
