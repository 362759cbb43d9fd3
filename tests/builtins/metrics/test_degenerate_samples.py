"""Every metric on samples that are tiny, repeated, far away or at an edge of its definition."""

from __future__ import annotations

import math

import pytest
import torch
from registered import example, names
from torch import Tensor

from noisereel.contracts.dataset import Data
from noisereel.contracts.probe import MeasureContext, Metric
from noisereel.contracts.schedule import Level
from noisereel.contracts.state import State
from noisereel_builtins.datasets.mixtures.gaussian_mixture import GaussianMixture
from noisereel_builtins.metrics.distances.energy_distance import EnergyDistance
from noisereel_builtins.metrics.distances.mmd import MMD
from noisereel_builtins.metrics.distances.near_data import NearData
from noisereel_builtins.metrics.information.entropy import Entropy
from noisereel_builtins.metrics.information.kl import KL
from noisereel_builtins.metrics.information.kl_density import KLDensity
from noisereel_builtins.schedules.linear import Linear

LAW = GaussianMixture.of(torch.ones(1).double(), torch.zeros(1, 2).double(), torch.eye(2).double()[None])
NOISE = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
DATA = Data(NOISE[:100], torch.arange(100) % 2, density=LAW)
LEVEL = Level(1.0, 0.8, 0.6)

SAMPLES = {
    "one": NOISE[100:101],
    "two": NOISE[100:102],
    "equal": NOISE[:1].expand(50, 2).clone(),
    "line": torch.stack([torch.linspace(-1, 1, 50), torch.zeros(50)], 1),
    "far": NOISE[100:] + 1000,
    "very-far": NOISE[100:] + 1e12,
    "the-data": NOISE[:100],
}


def measured(metric: Metric, x: Tensor, data: Data = DATA) -> dict[str, float]:
    aux = {"loss": torch.tensor(1.0), "log_det": torch.zeros(len(x)), "log_prior": torch.zeros(len(x))}
    state = State(0, 0, LEVEL, x, x0=x, aux=aux)
    values = metric.measure(state, MeasureContext(None, data, Linear()))
    return {name: float(value) for name, value in values.items()}


METRICS: dict[str, Metric] = {
    "kl-range": KL(space="range", range=(-3, 3)),
    "entropy-range": Entropy(space="range", range=(-3, 3)),
    "kl-neighbours": KL(space="neighbours"),
    **{name: example("metric", name) for name in names("metric")},
}
INFINITE = {"kl-neighbours": ("one", "two", "equal", "very-far")}
"""Samples for which a metric is infinite by definition: at most k different points."""


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("name", METRICS)
def test_metrics_are_numbers_within_their_bounds_or_say_why_not(name: str, sample: str) -> None:
    metric, x = METRICS[name], SAMPLES[sample]
    try:
        values = measured(metric, x)
    except ValueError as error:
        assert "need more than" in str(error)
        return
    for key, value in values.items():
        if math.isnan(value):
            assert (name, key) in {("mmd", "mmd"), ("log-likelihood", "bits_per_dim")}, sample
            continue
        assert math.isfinite(value) or sample in INFINITE.get(name, ()), (key, value)
        if key in ("entropy", "kl", "energy_distance", "sliced_wasserstein", "std") and name != "kl-neighbours":
            assert value >= 0
        if key in ("near_data", "mode_coverage", "mode_balance", "memorisation", "straightness", "knn_accuracy"):
            assert 0 <= value <= 1


@pytest.mark.parametrize("n", [1, 2, 3, 49, 100])
def test_the_entropy_of_one_place_is_0(n: int) -> None:
    assert measured(Entropy(), torch.zeros(n, 2))["entropy"] == 0


def test_medians_are_the_middle_of_two() -> None:
    data = Data(torch.zeros(1, 1))
    assert measured(NearData(), torch.tensor([[1.0], [9.0]]), data)["median_distance"] == 5
    assert measured(NearData(), torch.tensor([[1.0], [math.inf]]), data)["median_distance"] == math.inf
    data = Data(torch.tensor([[0.0], [1.0], [3.0], [7.0]]))  # distances 1, 2, 3, 4, 6, 7: the median is 3.5
    x = torch.tensor([[0.5], [2.0], [2.5]])
    assert measured(MMD(), x, data) == measured(MMD(bandwidth=3.5), x, data)


@pytest.mark.parametrize("metric", [MMD(), MMD(bandwidth=1e-300), MMD(bandwidth=1e300), EnergyDistance()])
def test_distances_do_not_depend_on_the_origin(metric: Metric) -> None:
    (near,) = measured(metric, NOISE[100:].round(decimals=2)).values()
    (far,) = measured(metric, NOISE[100:], Data(NOISE[:100])).values()
    assert math.isfinite(near) and math.isfinite(far)
    x, y = (1024 * NOISE).round() / 1024, 2.0**12
    here, there = (next(iter(measured(metric, x[100:] + shift, Data(x[:100] + shift)).values())) for shift in (0.0, y))
    assert there == pytest.approx(here, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("distance", [5.0, 37.0, 39.0, 100.0, 1e4])
@pytest.mark.parametrize("sign", [-1, 1])
def test_kl_over_a_range_in_the_far_tail(distance: float, sign: int) -> None:
    """All particles in one cell [a, b]: KL = −log₂(Φ(b) − Φ(a)), here from the tail's asymptotic series."""
    ends = sorted((sign * (distance - 1.5), sign * (distance + 1.5)))
    metric = KL(space="range", range=tuple(ends), bins=3)
    value = measured(metric, torch.full((10, 1), sign * distance), Data(torch.zeros(1, 1)))["kl"]
    a, b = distance - 0.5, distance + 0.5

    def log_tail(z: float) -> float:
        if z < 25:
            return math.log(math.erfc(z / math.sqrt(2)) / 2)
        series = 1 - 1 / z**2 + 3 / z**4 - 15 / z**6 + 105 / z**8
        return -(z**2) / 2 - math.log(z * math.sqrt(2 * math.pi)) + math.log(series)

    exact = -(log_tail(a) + math.log1p(-math.exp(log_tail(b) - log_tail(a)))) / math.log(2)
    assert value == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("shift", [0.0, 10.0, 100.0, 1e4])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_kl_to_a_density_far_from_the_particles(shift: float, d: int) -> None:
    """N(shift, I) against N(0, I): D·shift²/2 nats."""
    law = GaussianMixture.of(torch.ones(1).double(), torch.zeros(1, d).double(), torch.eye(d).double()[None])
    x = torch.randn(4000, d, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) + shift
    value = measured(KLDensity(), x, Data(torch.zeros(1, d), density=law))["kl_density"]
    assert value == pytest.approx(d * shift**2 / 2 / math.log(2), rel=0.02, abs=0.2)
