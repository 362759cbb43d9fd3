"""Metrics that compare point clouds: against SciPy, closed forms with standard errors, and constructed clouds."""

import math
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch
from torch import Tensor

from noisereel.contracts.dataset import Data, LoadContext
from noisereel.contracts.denoiser import Denoiser, DenoiserContext
from noisereel.contracts.probe import MeasureContext, Metric
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.schedule import Level, posterior
from noisereel.contracts.state import State
from noisereel.registry import Registry
from noisereel.scene import RunSpec, SceneDocument
from noisereel.scene.nodes import Node, Place
from noisereel.simulation.plan import plan_run
from noisereel.simulation.run import Run
from noisereel.support.noise import LoadDraw
from noisereel_builtins.datasets.mixtures.grid import Grid
from noisereel_builtins.datasets.mixtures.mixture import Mixture
from noisereel_builtins.denoisers.blend import Blend
from noisereel_builtins.denoisers.empirical import Empirical
from noisereel_builtins.denoisers.gaussian import Gaussian
from noisereel_builtins.denoisers.guided import Guided
from noisereel_builtins.denoisers.mixture import Mixture as MixtureDenoiser
from noisereel_builtins.denoisers.oracle import Oracle
from noisereel_builtins.metrics.distances.energy_distance import EnergyDistance
from noisereel_builtins.metrics.distances.knn_accuracy import KNNAccuracy
from noisereel_builtins.metrics.distances.memorisation import Memorisation
from noisereel_builtins.metrics.distances.mmd import MMD
from noisereel_builtins.metrics.distances.mode_coverage import ModeCoverage
from noisereel_builtins.metrics.distances.near_data import NearData
from noisereel_builtins.metrics.distances.sliced_wasserstein import SlicedWasserstein
from noisereel_builtins.metrics.information.entropy import Entropy
from noisereel_builtins.metrics.information.kl_density import KLDensity
from noisereel_builtins.metrics.information.log_likelihood import LogLikelihood
from noisereel_builtins.metrics.moments.l1 import L1
from noisereel_builtins.metrics.moments.snr import SNR
from noisereel_builtins.metrics.run.calls import Calls
from noisereel_builtins.metrics.run.straightness import Straightness
from noisereel_builtins.samplers.ode.ode import ODE
from noisereel_builtins.schedules.cosine import Cosine

CLEAN = Level(0.0, 1.0, 0.0)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def values(metric: Metric, x: Tensor, data: Data, level: Level = CLEAN, **state) -> dict[str, float]:
    """Return the metric's scalars, after checking that they are 0-d and named as declared."""
    ctx = MeasureContext(state.pop("model", None), data, Cosine())
    measured = metric.measure(State(0, 0, level, x, **state), ctx)
    assert set(measured) == set(metric.gives)
    assert all(np.shape(scalar) == () for scalar in measured.values())
    return {name: float(scalar) for name, scalar in measured.items()}


def value(metric: Metric, x: Tensor, x0: Tensor, **more) -> float:
    return values(metric, x, Data(x0), **more)[metric.gives[0]]


def run_of(data: Data, denoiser: Denoiser | None = None, *aux: str) -> RunInfo:
    particles, aux_names = len(data.x0), frozenset(aux)
    return RunInfo(name="run", data=data, levels=(), particles=particles, denoiser=denoiser, aux_names=aux_names)


@pytest.mark.parametrize("k", [1, 5])
def test_knn_accuracy_equals_scikit_learns_leave_one_out(k: int) -> None:
    from sklearn.model_selection import LeaveOneOut, cross_val_score
    from sklearn.neighbors import KNeighborsClassifier

    labels = torch.arange(60) % 3
    x = normal(60, 4) + 1.2 * labels[:, None]
    theirs = cross_val_score(KNeighborsClassifier(k), x.numpy(), labels.numpy(), cv=LeaveOneOut()).mean()
    assert 0.4 < theirs < 0.95
    assert values(KNNAccuracy(k=k), x, Data(x, labels)) == {"knn_accuracy": pytest.approx(theirs)}


def test_knn_accuracy_never_counts_a_particle_as_its_own_neighbour() -> None:
    labels = torch.tensor([0, 1])
    twins = torch.zeros(2, 3)
    assert values(KNNAccuracy(k=1), twins, Data(twins, labels)) == {"knn_accuracy": 0}
    # Particle i has the label of row i mod n: there are four of each class at one position.
    clusters = torch.tensor([[0.0], [1.0]]).repeat(4, 1)
    assert values(KNNAccuracy(k=3), clusters, Data(twins, labels)) == {"knn_accuracy": 1}
    with pytest.raises(ValueError, match=r"^knn-accuracy: 5 neighbours need more than 2 particles$"):
        values(KNNAccuracy(), twins, Data(twins, labels))
    diverged = torch.full((8, 1), math.nan)
    assert math.isnan(values(KNNAccuracy(), diverged, Data(twins, labels))["knn_accuracy"])


@pytest.mark.parametrize(("n", "m"), [(50, 80), (80, 50), (1, 7), (2500, 2500)])
def test_in_one_dimension_distances_equal_scipys(n: int, m: int) -> None:
    from scipy.stats import energy_distance, wasserstein_distance

    x, y = normal(n, 1), 0.3 + 2 * normal(m, 1, seed=1)
    energy = energy_distance(x[:, 0].numpy(), y[:, 0].numpy()) ** 2
    assert value(EnergyDistance(), x, y) == pytest.approx(energy, rel=1e-9)
    wasserstein = wasserstein_distance(x[:, 0].numpy(), y[:, 0].numpy())
    assert value(SlicedWasserstein(p=1), x, y) == pytest.approx(wasserstein, rel=1e-9)


def test_energy_distance_by_pairs_and_by_slices_agree() -> None:
    from noisereel_builtins.metrics.distances.energy_distance import _exact, _sliced

    for d, slices, tolerance in ((2, 64, 2e-3), (3, 4000, 0.03), (10, 4000, 0.05)):
        x, y = normal(300, d), 0.5 + normal(400, d, seed=1)
        assert _sliced(x, y, slices) == pytest.approx(_exact(x, y), rel=tolerance)
        assert value(EnergyDistance(), x, y) == pytest.approx(_exact(x, y), rel=1e-9)


def test_energy_distance_of_two_gaussians() -> None:
    """Compare with the mean of a folded normal distribution, E|N(μ, s²)|."""
    n, shift = 20_000, 1.0
    distance = value(EnergyDistance(), normal(n, 1), shift + normal(n, 1, seed=1))
    folded = lambda mu: 2 / math.sqrt(math.pi) * math.exp(-(mu**2) / 4) + mu * math.erf(mu / 2)  # noqa: E731
    assert distance == pytest.approx(2 * folded(shift) - 2 * folded(0), abs=5 * 0.01)
    same = value(EnergyDistance(), normal(n, 2), normal(n, 2, seed=1))
    assert 0 < same < 5 * 2 * math.sqrt(math.pi) / n
    assert value(EnergyDistance(), normal(50, 2), normal(50, 2)) == pytest.approx(0, abs=1e-12)


def test_the_sliced_distance_of_a_shift_is_its_length_over_the_root_of_d() -> None:
    x = normal(500, 2)
    assert value(SlicedWasserstein(), x, x + torch.tensor([3.0, 4.0])) == pytest.approx(5 / math.sqrt(2), rel=1e-9)
    images = normal(50, 3, 4)
    distance = value(SlicedWasserstein(slices=4000), images, images + 2.0)
    assert distance == pytest.approx(2.0, rel=0.05)


def test_the_sliced_distance_of_scaled_gaussians() -> None:
    """Check that W_2(N(0, 1), N(0, s²)) = |s − 1| along every direction."""
    distance = value(SlicedWasserstein(), normal(20_000, 2), 3 * normal(20_000, 2, seed=1))
    assert distance == pytest.approx(2.0, rel=0.02)


def test_mmd_of_two_gaussians_equals_the_closed_form() -> None:
    d, h, shift = 2, 1.5, torch.tensor([0.6, -0.3], dtype=torch.float64)
    x, y = normal(2000, d), shift + normal(2000, d, seed=1)
    peak = (h**2 / (h**2 + 2)) ** (d / 2)
    expected = 2 * peak * (1 - math.exp(-float(shift.square().sum()) / (2 * (h**2 + 2))))
    assert value(MMD(bandwidth=h), x, y) == pytest.approx(expected, abs=5 * 0.004)
    null = [value(MMD(bandwidth=h, most=200), normal(200, d, seed=i), normal(200, d, seed=i + 50)) for i in range(40)]
    assert abs(np.mean(null)) < 5 * np.std(null) / math.sqrt(40)
    assert min(null) < 0 < max(null)


def test_the_default_bandwidth_of_mmd_is_the_median_distance_of_the_data() -> None:
    x, y = normal(100, 2), normal(120, 2, seed=1)
    h = float(np.median(torch.pdist(y.double()).numpy()))
    assert value(MMD(), x, y) == value(MMD(bandwidth=h), x, y)
    assert value(MMD(), x, torch.zeros(5, 2)) == value(MMD(bandwidth=1), x, torch.zeros(5, 2))
    assert math.isnan(value(MMD(), x[:1], y))


def test_near_data_counts_particles() -> None:
    x0 = torch.tensor([[0.0, 0.0], [5.0, 5.0]])
    x = torch.tensor([[0.05, 0.0], [0.0, 0.11], [5.0, 4.9], [2.0, 2.0], [math.nan, 0.0]])
    assert value(NearData(radius=0.1), x, x0) == pytest.approx(2 / 5)
    assert value(NearData(radius=1), x, x0) == pytest.approx(3 / 5)
    assert value(NearData(), x[4:], x0) == 0


def test_near_data_gives_the_median_of_the_distances() -> None:
    data = Data(torch.tensor([[0.0, 0.0], [6.0, 0.0]]))
    x = torch.tensor([[0.5, 0.0], [5.0, 0.0], [6.0, 2.0]])
    assert values(NearData(), x, data)["median_distance"] == pytest.approx(1)
    diverged = torch.cat([x, torch.full((4, 2), math.nan)])
    assert values(NearData(), diverged, data)["median_distance"] == math.inf  # most particles are NaN


def test_mode_coverage_needs_a_fair_share() -> None:
    data = Data(torch.tensor([[0.0], [10.0], [20.0], [20.5]]), labels=torch.tensor([4, 7, 9, 9]))
    x = torch.tensor([[0.0]] * 90 + [[11.0]] * 8 + [[19.0]] * 2)
    measured = values(ModeCoverage(), x, data)
    # Fair shares are ¼, ¼ and ½: 8 % is enough for the second, 2 % is not for the third.
    assert measured["mode_coverage"] == pytest.approx(2 / 3)
    assert measured["mode_balance"] == pytest.approx(1 - (0.65 + 0.17 + 0.48) / 2)
    assert values(ModeCoverage(), data.x0, data) == {"mode_coverage": 1.0, "mode_balance": 1.0}
    for counts, covered in (((92, 3, 5), 1), ((93, 3, 4), 2 / 3), ((94, 2, 4), 1 / 3)):  # a tenth is 2.5 % and 5 %
        cloud = torch.tensor([[0.0], [11.0], [19.0]]).repeat_interleave(torch.tensor(counts), 0)
        assert values(ModeCoverage(), cloud, data)["mode_coverage"] == pytest.approx(covered)
    message = ModeCoverage().check(run_of(Data(x)))
    assert message == "mode-coverage needs data with labels"
    with pytest.raises(ValueError, match=message):
        values(ModeCoverage(), x, Data(x))


def test_a_copy_is_three_times_nearer_than_the_next() -> None:
    x0 = torch.tensor([[0.0], [4.0], [100.0], [200.0]])
    assert value(Memorisation(), torch.tensor([[0.995], [1.005], [3.005], [2.995]]), x0) == pytest.approx(1 / 2)
    assert value(Memorisation(ratio=0.5), torch.tensor([[1.33], [1.34]]), x0) == pytest.approx(1 / 2)


def test_copies_are_memorised_and_new_points_only_by_chance() -> None:
    """Use that (d₁/d₂)^D is uniform for uniform points in D dimensions, so chance gives 3^−D."""
    for d in (1, 2, 3):
        x0 = torch.rand(4000, d, generator=torch.Generator().manual_seed(d))
        new = torch.rand(4000, d, generator=torch.Generator().manual_seed(d + 9))
        chance = 3.0**-d
        error = 6 * math.sqrt(chance * (1 - chance) / 2000)
        measured = values(Memorisation(), new, Data(x0))
        assert measured["memorisation"] == pytest.approx(chance, abs=error)
        assert measured["memorisation_held_out"] == pytest.approx(chance, abs=error)
        copies = values(Memorisation(), x0[:50] + 1e-7, Data(x0.repeat(3, 1)))
        assert copies["memorisation"] == 1
        assert copies["memorisation_held_out"] == measured["memorisation_held_out"]


def test_memorisation_needs_a_few_different_points() -> None:
    data = Data(torch.zeros(100, 2))
    assert Memorisation().check(run_of(data)) == "memorisation needs at least 4 different samples"
    with pytest.raises(ValueError, match="memorisation needs at least 4 different samples"):
        values(Memorisation(), data.x0, data)


@pytest.mark.parametrize(("d", "k"), [(1, 1), (1, 5), (2, 3), (3, 3), (6, 3)])
def test_neighbour_entropy_of_gaussians(d: int, k: int) -> None:
    """Compare with ½·log₂((2πe)^D·|C|), within 5 standard errors of n points and the bias in many dimensions."""
    n = 10_000
    scale = torch.linspace(0.5, 2, d, dtype=torch.float64)
    expected = d / 2 * math.log2(2 * math.pi * math.e) + float(scale.log2().sum())
    entropy = value(Entropy(space="neighbours", k=k), normal(n, d) * scale, torch.zeros(1, d))
    assert entropy == pytest.approx(expected, abs=5 * math.sqrt(d + 2) / math.sqrt(n) + 0.02 * max(0, d - 3))


def test_neighbour_entropy_of_known_distributions_in_the_plane() -> None:
    assert value(Entropy(space="neighbours"), normal(10_000, 2), torch.zeros(1, 2)) == pytest.approx(4.094, abs=0.08)
    uniform = torch.rand(10_000, 2, generator=torch.Generator().manual_seed(0)) * 4
    assert value(Entropy(space="neighbours"), uniform, torch.zeros(1, 2)) == pytest.approx(4.0, abs=0.08)


def test_neighbour_entropy_of_three_points() -> None:
    """Points at 0, 1 and 3 have their nearest neighbours at 1, 1 and 2: ψ(3) − ψ(1) + ln 2 + ⅓·ln 2."""
    x = torch.tensor([[0.0], [1.0], [3.0]])
    nats = (1 + 1 / 2) + math.log(2) + math.log(2) / 3
    assert value(Entropy(space="neighbours", k=1), x, x) == pytest.approx(nats / math.log(2), rel=1e-12)


def test_repeated_points_count_once() -> None:
    x = normal(500, 2)
    entropy = value(Entropy(space="neighbours"), x, x)
    assert value(Entropy(space="neighbours"), x.repeat(4, 1), x) == pytest.approx(entropy, rel=1e-12)
    assert value(Entropy(space="neighbours"), torch.zeros(50, 2), x) == -math.inf
    x[3, 0] = math.nan
    assert math.isnan(value(Entropy(space="neighbours"), x, x))


def load(dataset) -> Data:
    return dataset.load(LoadContext(Path(), LoadDraw(0)))


@pytest.mark.parametrize(
    ("dataset", "bins", "occupied"),
    [
        (Mixture(n=40_000), 32, 32),
        (Mixture(preset="five", n=40_000), 24, 24**2),
        (Mixture(preset="cube", n=20_000), 8, 0),
    ],
    ids=["1-D", "2-D", "3-D"],
)
@pytest.mark.parametrize("level", [CLEAN, Level(1.0, 0.7, 0.714)], ids=["clean", "noisy"])
def test_exact_samples_have_no_divergence(dataset: Mixture, bins: int, occupied: int, level: Level) -> None:
    data = load(dataset)
    x = level.alpha * data.x0 + level.sigma * normal(*data.x0.shape, seed=4)
    divergence = values(KLDensity(bins=bins), x, data, level)["kl_density"]
    bias = occupied / (2 * len(x) * math.log(2))
    assert -0.05 * (not occupied) <= divergence <= 2 * bias + 0.05 * (not occupied) + 1e-4


def test_the_density_is_integrated_over_each_cell() -> None:
    """Use wide cells, whose probabilities follow from the distribution function."""
    gaussian = Mixture(means=(0.0,), weights=(1,), stds=(1,), n=10)
    x = 0.9 * normal(1000, 1).double() + 0.2
    edges = np.linspace(float(x.min()), float(x.max()), 9)
    p = np.histogram(x.numpy(), edges)[0] / 1000
    q = np.diff(scipy.stats.norm.cdf(edges))
    expected = (p[p > 0] * np.log2(p[p > 0] / q[p > 0])).sum()
    assert values(KLDensity(bins=8), x, load(gaussian))["kl_density"] == pytest.approx(expected, rel=1e-6)


def test_the_divergence_of_shifted_gaussians_equals_the_closed_form() -> None:
    """Compare with KL(N(μ, 1) ‖ N(0, 1)) = μ²/2 nats."""
    for d in (1, 2, 3):
        gaussian = Mixture(means=((0.0,) * d,), weights=(1,), stds=(1,), n=10)
        x = 0.8 * torch.eye(1, d) + normal(50_000, d)
        divergence = values(KLDensity(), x, load(gaussian))["kl_density"]
        # Cells a quarter of a standard deviation wide blur a little; the neighbour estimate has an error of its own.
        assert divergence == pytest.approx(0.32 / math.log(2), abs=0.02 if d < 3 else 0.05)


def test_the_divergence_needs_a_density() -> None:
    data = Data(torch.zeros(5, 2))
    message = "kl-density needs data whose density is known, such as mixture or grid"
    assert KLDensity().check(run_of(data)) == message
    assert KLDensity().check(run_of(load(Grid(n=5)))) is None
    with pytest.raises(ValueError, match=message):
        values(KLDensity(), data.x0, data)


def test_l1_has_the_four_distances() -> None:
    schedule, t = Cosine(), 300.5
    level, s = schedule.at(t), schedule.at(t - 1)
    x0 = normal(3, 4, 5)
    rows = torch.arange(7) % 3
    eps, estimate = normal(7, 4, 5, seed=1), normal(7, 4, 5, seed=2)
    x = level.alpha * x0[rows] + level.sigma * eps
    measured = values(L1(), x, Data(x0), level, x0=estimate)
    # Ho et al., Eq. (7), from ᾱ and β alone
    a_bar, a_bar_s = level.alpha**2, s.alpha**2
    beta = 1 - a_bar / a_bar_s
    mean = (a_bar_s**0.5 * beta * estimate + (1 - beta) ** 0.5 * (1 - a_bar_s) * x) / (1 - a_bar)
    expected = {"l1": x, "l1_x0": estimate, "l1_mean": mean, "l1_signal": s.alpha * x0[rows]}
    for name, compared in expected.items():
        assert measured[name] == pytest.approx(float((compared - x0[rows]).abs().mean()), rel=1e-9), name
    assert posterior(s, level).on_x0 == pytest.approx(a_bar_s**0.5 * beta / (1 - a_bar))


def test_l1_calls_the_denoiser_if_no_step_did() -> None:
    level, x = Cosine().at(10.0), normal(5, 2)
    measured = values(L1(), x, Data(x), level, model=lambda x, level: 0 * x)
    assert measured["l1_x0"] == pytest.approx(float(x.abs().mean()))
    without = values(L1(), x, Data(x), level)
    assert math.isnan(without["l1_x0"])
    assert math.isnan(without["l1_mean"])
    assert without["l1"] == 0
    assert values(L1(), x, Data(x))["l1_mean"] == 0


def test_snr_is_measured() -> None:
    x0 = 2 + 3 * normal(200_000, 1)
    level = Level(1.0, 0.5, 0.8)
    x = level.alpha * x0 + level.sigma * normal(200_000, 1, seed=1)
    expected = 10 * math.log10((0.5 * 3) ** 2 / 0.64)
    assert value(SNR(), x, x0, level=level) == pytest.approx(expected, abs=0.05)
    assert value(SNR(), x0, x0) == math.inf
    assert value(SNR(), x, x0, level=Level(1.0, 0.0, 1.0)) == -math.inf


def test_calls_are_those_of_the_state() -> None:
    assert value(Calls(), normal(3, 2), normal(3, 2), calls=17) == 17


def follow(*visits: Tensor) -> list[float]:
    states = [State(i, 0, CLEAN, x) for i, x in enumerate(visits)]
    ctx = MeasureContext(None, Data(visits[0]), Cosine())
    return [float(measured["straightness"]) for measured in Straightness().follow(states, ctx)]


def test_straightness_is_chord_over_path() -> None:
    start, along = normal(5, 2), torch.tensor([3.0, 4.0])
    assert follow(start, start + along, start + 2 * along) == pytest.approx([1, 1, 1])
    corner = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 1.0]])
    assert follow(*corner) == pytest.approx([1, 1, math.sqrt(2) / 2])
    assert follow(*corner, corner[0])[-1] == 0
    both = [torch.cat([a, 10 * b]) for a, b in zip(corner, (corner[0], corner[1], 2 * corner[1]), strict=True)]
    assert follow(*both)[-1] == pytest.approx((math.sqrt(2) + 20) / (2 + 20))


def test_straightness_of_a_random_walk() -> None:
    """Chords grow as √steps: E‖sum‖/(steps·E‖step‖) = 1/√steps in any dimension."""
    walk = normal(101, 4000, 2).cumsum(0)
    assert follow(*walk)[-1] == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize("metric", [EnergyDistance(), SlicedWasserstein(), KLDensity(), Memorisation()])
def test_particles_that_have_diverged(metric: Metric) -> None:
    data = load(Grid(n=50))
    x = data.x0.clone()
    x[3, 1] = math.nan
    assert math.isnan(values(metric, x, data)[metric.gives[0]])


def test_log_likelihood_is_log_prior_minus_log_det() -> None:
    aux = {"log_prior": torch.tensor([-3.0, -5.0]), "log_det": torch.tensor([1.0, -2.0])}
    points = values(LogLikelihood(), normal(2, 3), Data(normal(2, 3)), aux=aux)
    assert points["log_likelihood"] == -3.5
    assert math.isnan(points["bits_per_dim"])
    images = values(LogLikelihood(), normal(2, 2, 2), Data(normal(2, 2, 2)), aux=aux)
    assert images["bits_per_dim"] == pytest.approx(math.log2(127.5) + 3.5 / (4 * math.log(2)))
    assert [LogLikelihood().unit_of(name) for name in LogLikelihood.gives] == ["nat", "bit"]


def test_images_of_uniform_noise_cost_8_bits_a_pixel() -> None:
    """The density of 256 equally likely levels over [−1, 1], extended by half a level, is 127.5/256 per pixel."""
    nats = 4 * math.log(127.5 / 256)
    aux = {"log_prior": torch.full((3,), nats), "log_det": torch.zeros(3)}
    measured = values(LogLikelihood(), normal(3, 2, 2), Data(normal(3, 2, 2)), aux=aux)
    assert measured["bits_per_dim"] == pytest.approx(8, abs=1e-6)


def test_log_likelihood_needs_a_density_and_a_sampler_that_follows_it() -> None:
    data = Data(normal(5, 2))
    message = (
        "log-likelihood needs a denoiser whose data have a density, such as mixture or gaussian; "
        "the density of single points is infinite"
    )
    for denoiser in (Empirical(), Oracle(), Guided(of=Empirical()), Blend(of=(Gaussian(), Empirical()))):
        assert LogLikelihood().check(run_of(data, denoiser)) == message
    for denoiser in (None, Gaussian(), MixtureDenoiser(), Guided(of=MixtureDenoiser())):
        assert LogLikelihood().check(run_of(data, denoiser, "log_prior", "log_det")) is None
    message = "log-likelihood needs a sampler that follows the density: {ode: {likelihood: true}}"
    assert LogLikelihood().check(run_of(data, Gaussian(), "log_prior")) == message
    with pytest.raises(ValueError) as error:
        values(LogLikelihood(), data.x0, data)
    assert str(error.value) == message


def test_the_likelihood_along_the_ode_is_the_exact_density() -> None:
    """Compare the mean of ln p_t(x_t) that the flow carries along with the mixture's density, at every visit."""
    spec = RunSpec(
        name="run",
        dataset=Mixture(preset="eight", n=10),
        schedule=Cosine(steps=100),
        denoiser=MixtureDenoiser(),
        sampler=(ODE(steps=10, likelihood=True, tolerance=1e-3, halvings=3),),
        particles=60,
    )
    data = load(spec.dataset)
    run = Run(
        spec,
        plan_run(spec, SceneDocument("", "", Path(), Node(None, Place("")), Registry())),
        DenoiserContext(data, spec.schedule, torch.device("cpu"), Path()),
    )
    for state in run.states():
        if state.level.t < 95:
            likelihood = values(LogLikelihood(), state.x, data, state.level, aux=state.aux)["log_likelihood"]
            exact = float(data.density.log_density(state.x.double(), state.level).mean())
            assert likelihood == pytest.approx(exact, abs=0.02), state.level
