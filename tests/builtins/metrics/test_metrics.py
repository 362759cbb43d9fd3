"""Metrics: on a few points, against theory for Gaussians, and on a random walk."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch
from pydantic import ValidationError
from torch import Tensor

from noisereel.contracts.dataset import Data, LoadContext
from noisereel.contracts.probe import MeasureContext, Metric
from noisereel.contracts.schedule import Level
from noisereel.contracts.state import State
from noisereel.support.noise import LoadDraw
from noisereel_builtins.datasets.shapes.s_curve import SCurve
from noisereel_builtins.metrics.information.cells import expected_entropy
from noisereel_builtins.metrics.information.entropy import Entropy
from noisereel_builtins.metrics.information.kl import KL
from noisereel_builtins.metrics.moments.mean import Mean
from noisereel_builtins.metrics.moments.std import Std

UNUSED = MeasureContext(None, Data(torch.zeros(1, 2)), None)


def value(metric: Metric, x: Tensor) -> float:
    """Return the metric's only scalar, after checking that it is 0-d and named as declared."""
    measured = metric.measure(State(0, 0, Level(0.0, 1.0, 0.0), x), UNUSED)
    (name,) = metric.gives
    assert set(measured) == {name}
    assert measured[name].shape == ()
    return float(measured[name])


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_entropy_of_a_few_points() -> None:
    x = torch.tensor([[0.1, 0.1], [0.2, 0.1], [0.6, 0.1], [0.9, 0.9]])
    assert value(Entropy(space="range", range=(0, 1), bins=2), x) == pytest.approx(1.5)
    assert value(Entropy(space="range", range=(0, 1), bins=2), x[:, :1]) == pytest.approx(1.0)
    assert value(Entropy(bins=2), torch.tensor([[-1.0], [-2.0], [1.0], [0.5]])) == pytest.approx(1.0)
    assert value(Entropy(bins=2), torch.tensor([[-1.0], [-2.0], [-9.0], [-0.5]])) == pytest.approx(0.0, abs=1e-12)


def test_points_beyond_the_range_count_in_the_outermost_cells() -> None:
    entropy = Entropy(space="range", range=(-1, 1), bins=2)
    assert value(entropy, torch.tensor([[-1e30], [-0.5], [0.5], [7.0]])) == pytest.approx(1.0)
    assert value(entropy, torch.tensor([[1.0], [1.0]])) == pytest.approx(0.0, abs=1e-12)


def test_many_cells_are_counted_like_few() -> None:
    """Compare both ways of counting, below and above 2¹⁶ cells, with NumPy's histogram."""
    x = normal(5000, 2)
    for bins in (256, 257, 1000):
        counts = np.histogram2d(*x.double().T.numpy(), bins=bins, range=[[-8, 8], [-8, 8]])[0]
        p = counts[counts > 0] / counts.sum()
        expected = -(p * np.log2(p)).sum()
        assert value(Entropy(space="range", range=(-8, 8), bins=bins), x) == pytest.approx(expected, abs=1e-3)


def test_expected_entropy_is_the_mean_over_all_placements() -> None:
    n, cells = 4, 3
    total = Fraction(0)
    for placement in product(range(cells), repeat=n):
        shares = [placement.count(c) / n for c in range(cells)]
        total += Fraction(-sum(p * math.log2(p) for p in shares if p))
    assert expected_entropy(n, cells) == pytest.approx(float(total / cells**n), rel=1e-12)
    assert expected_entropy(10_000, 1024) == pytest.approx(9.9248, abs=1e-4)
    assert expected_entropy(1, 5) == 0


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_a_gaussian_gives_its_reference(dimensions: int) -> None:
    bins = {1: 1000, 2: 32, 3: 10}[dimensions]
    x = normal(10_000, dimensions)
    reference = Entropy(bins=bins).reference(len(x), x.shape[1:])
    assert list(reference) == ["Gaussian"]
    assert value(Entropy(bins=bins), x) == pytest.approx(reference["Gaussian"], abs=0.01)
    assert value(KL(bins=bins), x) == pytest.approx(KL(bins=bins).reference(len(x), x.shape[1:])["Gaussian"], abs=0.01)


def test_defaults_on_a_gaussian() -> None:
    x = normal(10_000, 2)
    assert value(Entropy(), x) == pytest.approx(9.92, abs=0.01)
    assert value(KL(), x) == pytest.approx(1023 / (20_000 * math.log(2)), abs=0.01)


def test_a_million_cells_saturate_at_the_logarithm_of_n() -> None:
    """A Gaussian, a shifted one and one half as wide have the same entropy, and KL is 6.65 instead of 0."""
    x = normal(10_000, 2)
    ceiling = math.log2(10_000)
    for cloud in (x, x + 0.3, x / 2):
        assert ceiling - 0.1 < value(Entropy(bins=1000), cloud) < ceiling
    assert value(KL(bins=1000), x) == pytest.approx(6.65, abs=0.01)
    assert Entropy(bins=1000).reference(10_000, (2,)) == {"ceiling": pytest.approx(ceiling)}
    assert Entropy(bins=20, space="range", range=(0, 1)).reference(10_000, (2,)) == {
        "ceiling": pytest.approx(math.log2(400))
    }


@pytest.mark.parametrize("bins", [2, 32, 1000])
def test_entropy_and_kl_add_up(bins: int) -> None:
    x = 0.7 * normal(3000, 2) + 0.4
    assert value(Entropy(bins=bins), x) + value(KL(bins=bins), x) == pytest.approx(2 * math.log2(bins), rel=1e-12)


@pytest.mark.parametrize("dimensions", [1, 2])
def test_range_kl_is_the_sum_over_cells(dimensions: int) -> None:
    """Compare with SciPy's normal distribution; the outermost cells extend to infinity."""
    x = 0.6 * normal(5000, dimensions) + 1.0
    bins, low, high = 7, -1.0, 1.5
    inner = np.linspace(low, high, bins + 1)[1:-1]
    q_axis = np.diff(scipy.stats.norm.cdf([-np.inf, *inner, np.inf]))
    q = q_axis if dimensions == 1 else np.outer(q_axis, q_axis)
    index = np.searchsorted(inner, x.double().numpy(), side="right")
    p = np.zeros(q.shape)
    np.add.at(p, tuple(index.T), 1 / len(x))
    expected = (p[p > 0] * np.log2(p[p > 0] / q[p > 0])).sum()
    measured = value(KL(space="range", range=(low, high), bins=bins), x)
    assert measured == pytest.approx(expected, rel=1e-9)
    assert measured > 0.3


def test_range_kl_far_out_uses_the_tail() -> None:
    """All points are in a cell of probability Φ(−30): −log₂ of a tail far below float64's ε."""
    x = torch.full((100, 1), 31.0)
    measured = value(KL(space="range", range=(-30, 30), bins=2**10), x)
    edge = 30 - 60 / 2**10
    assert measured == pytest.approx(-scipy.stats.norm.logsf(edge) / math.log(2), rel=1e-9)


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (1.0, 1.0), (0.3, 0.5)])
def test_neighbours_kl_equals_that_of_the_gaussians(shift: float, scale: float) -> None:
    """Compare with KL(N(m, s²·I) ‖ N(0, I)) in the plane, s² + m² − 1 − 2·ln s nats, both coordinates shifted by m."""
    x = scale * normal(10_000, 2) + shift
    expected = (scale**2 - 1 + shift**2 - 2 * math.log(scale)) / math.log(2)
    assert value(KL(space="neighbours"), x) == pytest.approx(expected, abs=0.05)
    assert KL(space="neighbours").reference(10_000, (2,)) == {"Gaussian": 0.0}


def test_the_random_walk_of_an_s_curve_gains_range_entropy() -> None:
    x0 = SCurve().load(LoadContext(Path(), LoadDraw(0))).x0
    entropy = Entropy(space="range", range=(-100, 100), bins=1000)
    noise = normal(10_000, 2)
    measured = [value(entropy, x0 + math.sqrt(t) * noise) for t in range(0, 50, 7)]
    assert measured[0] == pytest.approx(5.0, abs=0.1)
    assert measured[-1] == pytest.approx(12.7, abs=0.1)
    assert measured == sorted(measured)


def test_mean_and_std_are_over_all_coordinates() -> None:
    x = torch.tensor([[[1.0, 2.0]], [[3.0, 6.0]]])
    assert value(Mean(), x) == 3.0
    assert value(Std(), x) == pytest.approx(math.sqrt(3.5))
    assert value(Std(), torch.ones(1, 1)) == 0.0


@pytest.mark.parametrize("metric", [Entropy(), KL(), Entropy(space="range", range=(-1, 1))])
def test_images_are_refused(metric: Metric) -> None:
    message = "entropy and kl count points of 1, 2 or 3 dimensions in cells, but a sample here is 64×48 numbers"
    for attempt in (lambda x: value(metric, x), lambda x: metric.reference(len(x), x.shape[1:])):
        with pytest.raises(ValueError) as error:
            attempt(torch.zeros(1, 64, 48))
        assert str(error.value) == message


@pytest.mark.parametrize(
    "metric", [KL(), KL(space="range", range=(-1, 1)), Entropy(), Entropy(space="range", range=(-1, 1))]
)
def test_particles_that_have_diverged(metric: Metric) -> None:
    """Infinity is in the outermost cell; NaN has no entropy."""
    x = normal(10, 2)
    x[3, 1], far = math.inf, x.clone()
    far[3, 1] = 1e30
    assert value(metric, x) == value(metric, far)
    x[3, 1] = math.nan
    assert math.isnan(value(metric, x))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"bins": 1}, "Input should be greater than or equal to 2"),
        ({"range": (0, 1)}, "Value error, 'range' is only used with 'space: range'"),
        ({"space": "range"}, "Value error, 'space: range' needs its limits, such as 'range: [-3, 3]'"),
        (
            {"space": "range", "range": (3, 1)},
            "Value error, 'range' must be finite and increasing, got [3, 1]",
        ),
        (
            {"space": "range", "range": (0, math.inf)},
            "Value error, 'range' must be finite and increasing, got [0, inf]",
        ),
    ],
)
def test_invalid_entropies_are_refused(fields: dict, message: str) -> None:
    with pytest.raises(ValidationError) as error:
        Entropy(**fields)
    assert [e["msg"] for e in error.value.errors()] == [message]
