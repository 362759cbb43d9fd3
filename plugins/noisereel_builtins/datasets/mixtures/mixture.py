"""Mixtures of Gaussians, whose density is known at every noise level."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import BeforeValidator, Field, model_validator
from torch import Tensor

from noisereel.contracts.dataset import Data, Dataset, LoadContext

from ..shapes.cloud import Count
from .gaussian_mixture import GaussianMixture, sample

__all__ = ["PRESETS", "Mixture"]


def _vectors(value: Any) -> Any:
    """Convert a list of numbers or vectors to vectors: 2 becomes (2,)."""
    if not isinstance(value, list | tuple):
        return value
    return tuple(tuple(mean) if isinstance(mean, list | tuple) else (mean,) for mean in value)


Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Vector = tuple[Finite, ...]

_MEANS, _WEIGHTS, _STDS = ((2.0,), (5.0,), (-3.0,)), (0.5, 0.3, 0.2), (1.0, 0.5, 1.5)
_EIGHT = tuple((2 * math.cos(math.pi * k / 4), 2 * math.sin(math.pi * k / 4)) for k in range(8))
_CUBE = tuple((x, y, z) for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0))

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "three": {"means": _MEANS, "weights": _WEIGHTS, "stds": _STDS},
        "three-close": {"means": ((0.0,), (5.0,), (-3.0,)), "weights": _WEIGHTS, "stds": _STDS},
        "five": {
            "means": ((5.0, 1.5), (0.0, 5.0), (-5.0, 1.5), (-4.5, -5.5), (3.0, -4.0)),
            "weights": (0.2,) * 5,
            "covariances": (
                ((2.0, 0.8), (0.8, 1.0)),
                ((1.5, -0.7), (-0.7, 1.2)),
                ((1.0, 0.4), (0.4, 2.0)),
                ((1.0, -0.5), (-0.5, 1.5)),
                ((2.0, 0.0), (0.0, 2.0)),
            ),
        },
        "bivariate": {"means": ((0.0, 0.0),), "weights": (1.0,), "covariances": (((1.0, 0.6), (0.6, 1.0)),)},
        "eight": {"means": _EIGHT, "weights": (0.125,) * 8, "stds": (0.15,) * 8},
        "cube": {"means": _CUBE, "weights": (0.125,) * 8, "stds": (0.15,) * 8},
    }
)
"""Mixtures by name: in one dimension, in two (five, bivariate, eight on a circle), and in three (a cube's corners)."""

Preset = Literal["three", "three-close", "five", "bivariate", "eight", "cube"]


class Mixture(Dataset):
    """Samples of a Gaussian mixture Σ_k w_k·N(μ_k, Σ_k); the label is the component k, and hue follows it.

    Under noise it remains a mixture, p_t = Σ_k w_k·N(α_t·μ_k, α_t²·Σ_k + σ_t²·I), so the ``density`` of the loaded data
    is exact. Without ``means`` it is the preset ``three``: three components in one dimension.
    """

    preset: Preset | None = None
    """A mixture by name, in place of ``means``, ``weights`` and ``stds`` or ``covariances``."""
    means: Annotated[tuple[Vector, ...], BeforeValidator(_vectors)] = Field(default=_MEANS, min_length=1)
    """Centre of each component: numbers in one dimension, else lists of coordinates."""
    weights: tuple[Positive, ...] = ()
    """Weight of each component, normalised to sum to 1; if omitted, those of ``means`` are equal."""
    stds: tuple[Positive, ...] = ()
    """Standard deviation of each component, the same in all directions; if omitted, those of ``means`` have 1."""
    covariances: tuple[tuple[Vector, ...], ...] = ()
    """Covariance matrix of each component, in place of ``stds``."""
    n: Count = 10_000
    """Number of samples."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.preset is not None:
            conflicts = [name for name in ("means", "weights", "stds", "covariances") if name in self.model_fields_set]
            if conflicts:
                raise ValueError(f"give either 'preset' or '{conflicts[0]}', not both")
            return self
        k, dimensions = len(self.means), len(self.means[0])
        if dimensions == 0 or any(len(mean) != dimensions for mean in self.means):
            raise ValueError("'means' must all have the same number of coordinates")
        if self.covariances and "stds" in self.model_fields_set:
            raise ValueError("give either 'stds' or 'covariances', not both")
        kind = "means" if "means" in self.model_fields_set else "default means"
        for name in ("weights", "stds", "covariances"):
            if name in self.model_fields_set and len(given := getattr(self, name)) != k:
                raise ValueError(f"'{name}' must have one entry for each of the {k} {kind}, got {len(given)}")
        for i, matrix in enumerate(self.covariances):
            _check_covariance(matrix, dimensions, f"covariances[{i}]")
        return self

    def lint(self) -> Iterator[str]:
        total = math.fsum(self.weights)
        if len(set(self.weights)) > 1 and not math.isclose(total, 1, rel_tol=1e-6):
            shares = ", ".join(f"{w / total:.3g}" for w in self.weights)
            yield f"'weights' sum to {total:g}, not 1; they are normalised to {shares}"

    def load(self, ctx: LoadContext) -> Data:
        """Draw the samples, shape (n, D)."""
        return sample(self.law(), self.n, ctx)

    def law(self) -> GaussianMixture:
        """Return the distribution that the samples are drawn from."""
        if self.preset is not None:
            return Mixture(**PRESETS[self.preset]).law()
        means, given = _doubles(self.means), "means" in self.model_fields_set
        weights = self.weights or ((1.0,) * len(means) if given else _WEIGHTS)
        stds = self.stds or ((1.0,) * len(means) if given else _STDS)
        isotropic = _doubles(stds)[:, None, None] ** 2 * torch.eye(means.shape[1], dtype=torch.float64)
        covariances = _doubles(self.covariances) if self.covariances else isotropic
        return GaussianMixture.of(_doubles(weights), means, covariances)


def _doubles(values: Sequence[Any]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _check_covariance(matrix: Sequence[Sequence[float]], dimensions: int, name: str) -> None:
    if len(matrix) != dimensions or any(len(row) != dimensions for row in matrix):
        raise ValueError(f"'{name}' must be {dimensions}×{dimensions}, as its mean has {dimensions} coordinates")
    m = _doubles(matrix)
    if not torch.equal(m, m.T) or float(torch.linalg.eigvalsh(m)[0]) <= 0:
        raise ValueError(f"'{name}' must be symmetric and positive definite")
