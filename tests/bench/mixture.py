"""The mixture's denoiser: its posterior mean, against SciPy's densities and each component's formula."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from common import Row, compare
from numpy.typing import NDArray
from scipy.stats import multivariate_normal

from noisereel.contracts.dataset import LoadContext
from noisereel.contracts.denoiser import DenoiserContext
from noisereel.contracts.schedule import Level
from noisereel.support.noise import LoadDraw
from noisereel_builtins.datasets.mixtures.gaussian_mixture import GaussianMixture
from noisereel_builtins.datasets.mixtures.mixture import Mixture as MixtureData
from noisereel_builtins.denoisers.mixture import Mixture
from noisereel_builtins.schedules.cosine import Cosine

M = 100_000


def rows() -> Iterator[Row]:
    """Time five components in the plane at three noise levels."""
    data = MixtureData(preset="five", n=10).load(LoadContext(Path(), LoadDraw(0)))
    model = Mixture().bind(DenoiserContext(data, Cosine(), torch.device("cpu"), Path("unused")))
    law = MixtureData(preset="five").law()
    x = 4 * torch.randn(M, 2, generator=torch.Generator().manual_seed(0))
    for level in (Level(1.0, 0.995, 0.1), Level(1.0, 0.8, 0.6), Level(1.0, 0.1, 0.995)):
        ours, theirs = compare(lambda level=level: model(x, level), lambda level=level: _scipy(x.numpy(), law, level))
        error = np.abs(model(x, level).numpy() - _scipy(x.numpy(), law, level)).max()
        what = f"mixture posterior, 5 components, 100,000 points, σ={level.sigma:g}"
        yield Row(what, ours, theirs, "4×", f"error {error:.1e}")


def _scipy(x: NDArray[np.float32], law: GaussianMixture, level: Level) -> NDArray[np.float64]:
    total, weight = np.zeros(x.shape), np.zeros(len(x))
    for w, mean, c in zip(law.weights.numpy(), law.means.numpy(), law.covariances.numpy(), strict=True):
        noisy = level.alpha**2 * c + level.sigma**2 * np.eye(2)
        share = w * multivariate_normal(level.alpha * mean, noisy).pdf(x)
        total += share[:, None] * (mean + (x - level.alpha * mean) @ (level.alpha * np.linalg.solve(noisy, c)))
        weight += share
    return total / weight[:, None]
