"""Closed-form denoisers against quadrature, SciPy and float64 sums; guidance, blending, and data that do not fit."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy.stats import multivariate_normal
from torch import Tensor

from noisereel.contracts.dataset import Data, LoadContext
from noisereel.contracts.denoiser import Denoiser, DenoiserContext, Model
from noisereel.contracts.schedule import Level
from noisereel.support.noise import LoadDraw
from noisereel_builtins.datasets.mixtures.grid import Grid
from noisereel_builtins.datasets.mixtures.mixture import Mixture as MixtureData
from noisereel_builtins.datasets.shapes.pinwheel import Pinwheel
from noisereel_builtins.datasets.shapes.swiss_roll import SwissRoll
from noisereel_builtins.datasets.standardised import Standardised
from noisereel_builtins.denoisers.blend import Blend
from noisereel_builtins.denoisers.empirical import Empirical
from noisereel_builtins.denoisers.gaussian import Gaussian
from noisereel_builtins.denoisers.guided import Guided
from noisereel_builtins.denoisers.mixture import Mixture
from noisereel_builtins.denoisers.oracle import Oracle
from noisereel_builtins.schedules.cosine import Cosine

LEVELS = [
    Level(1.0, 0.999, 0.05),
    Level(2.0, 0.8, 0.6),
    Level(3.0, 0.1, 0.995),
    Level(4.0, 0.0, 1.0),
    Level(5, 1, 80.0),
]


def load(dataset, seed: int = 0) -> Data:
    return dataset.load(LoadContext(Path(), LoadDraw(seed)))


def bound(denoiser: Denoiser, data: Data) -> Model:
    return denoiser.bind(context(data))


def context(data: Data) -> DenoiserContext:
    return DenoiserContext(data, Cosine(), torch.device("cpu"), Path("unused"))


def points(m: int, d: int, scale: float = 3.0) -> Tensor:
    return scale * torch.randn(m, d, dtype=torch.float64, generator=torch.Generator().manual_seed(5))


def mixture_by_scipy(data: MixtureData, x: Tensor, level: Level) -> np.ndarray:
    """Return the posterior mean from SciPy's densities and each Gaussian's formula; solves instead of eigenvectors."""
    law = data.law()
    shares, means = [], []
    for w, mean, c in zip(law.weights.numpy(), law.means.numpy(), law.covariances.numpy(), strict=True):
        noisy = level.alpha**2 * c + level.sigma**2 * np.eye(len(mean))
        shares.append(np.log(w) + multivariate_normal(level.alpha * mean, noisy).logpdf(x.numpy()))
        means.append(mean + level.alpha * np.linalg.solve(noisy, (x.numpy() - level.alpha * mean).T).T @ c)
    logits = np.stack(shares)
    share = np.exp(logits - logits.max(0))
    return np.einsum("km,kmd->md", share / share.sum(0), np.stack(means))


@pytest.mark.parametrize("preset", ["three", "five", "cube"])
@pytest.mark.parametrize("level", LEVELS, ids=lambda level: f"{level.sigma:g}")
def test_mixture_equals_scipys_formula(preset: str, level: Level) -> None:
    data = MixtureData(preset=preset, n=10)
    x = points(30, data.law().means.shape[1])
    expected = by_quadrature(data, x, level) if preset == "three" else mixture_by_scipy(data, x, level)
    np.testing.assert_allclose(bound(Mixture(), load(data))(x, level), expected, atol=1e-9)


def by_quadrature(data: MixtureData, x: Tensor, level: Level) -> np.ndarray:
    """Return ∫ x_0·p(x_0)·N(x; α·x_0, σ²) dx_0 / ∫ p(x_0)·N(x; α·x_0, σ²) dx_0 on a fine grid, without closed forms."""
    x0 = torch.linspace(-15, 15, 20_001, dtype=torch.float64)
    prior = data.law()(x0[:, None], Level(0, 1, 0)).log()
    means = []
    for noisy in x[:, 0]:
        w = torch.softmax(prior - (noisy - level.alpha * x0) ** 2 / (2 * level.sigma**2), 0)
        means.append([float((w * x0).sum())])
    return np.array(means)


def test_mixture_at_the_ends() -> None:
    data = load(MixtureData(preset="five", n=10))
    model, x = bound(Mixture(), data), points(50, 2)
    torch.testing.assert_close(model(x, Level(0.0, 1.0, 0.0)), x, atol=1e-12, rtol=0)
    mean = (data.density.weights[:, None] * data.density.means).sum(0)
    torch.testing.assert_close(model(x, Level(1.0, 0.0, 1.0)), mean.expand_as(x), atol=1e-12, rtol=0)


def test_mixture_gives_the_gradient_of_the_log_density() -> None:
    """Check Tweedie's formula: α·x̂_0 = x + σ²·∇ln p_t(x)."""
    law, level = load(Grid(n=5)).density, LEVELS[1]
    x = points(100, 2, 1.0).requires_grad_()
    (score,) = torch.autograd.grad(law.log_density(x, level).sum(), x)
    scaled = level.alpha * law.posterior_mean(x, level)
    torch.testing.assert_close(scaled, x + level.sigma**2 * score, atol=1e-9, rtol=0)


def test_far_away_the_mixture_stays_finite() -> None:
    model = bound(Mixture(), load(MixtureData(preset="five", n=5)))
    for level in LEVELS:
        assert bool(model(1e4 * points(20, 2), level).isfinite().all())
    assert model(points(3, 2).float(), LEVELS[0]).dtype == torch.float32


def test_mixture_of_standardised_data_is_rescaled() -> None:
    inner = MixtureData(preset="five", n=2000)
    for each in ("all", "axis"):
        data = load(Standardised(of=inner, each=each))
        s, m = data.scaling.scale, data.scaling.shift
        x, clean = points(100, 2), Level(0, 1, 0)
        density = data.density(x, clean)
        torch.testing.assert_close(density, s.prod() * inner.law()(x * s + m, clean), rtol=1e-9, atol=0)
    data = load(Standardised(of=inner))
    s, m, level = data.scaling.scale, data.scaling.shift, LEVELS[1]
    restored = bound(Mixture(), data)(x, level) * s + m
    scaled_level = Level(level.t, level.alpha, level.sigma * float(s[0]))
    expected = inner.law().posterior_mean(x * s + level.alpha * m, scaled_level)
    torch.testing.assert_close(restored, expected, atol=1e-9, rtol=0)


def test_a_given_gaussian_equals_the_mixture_of_one_component() -> None:
    gaussian = Gaussian(mean=(0, 0), covariance=((1, 0.6), (0.6, 1)))
    data, x = load(MixtureData(preset="bivariate", n=10)), points(100, 2)
    for level in LEVELS:
        expected = bound(Mixture(), data)(x, level)
        torch.testing.assert_close(bound(gaussian, data)(x, level), expected, atol=1e-12, rtol=0)
    isotropic = bound(Gaussian(mean=(1, 2), std=0.5), data)(x, LEVELS[1])
    gain = 0.8 * 0.25 / (0.64 * 0.25 + 0.36)
    mean = torch.tensor([1.0, 2.0], dtype=torch.float64)
    torch.testing.assert_close(isotropic, mean + gain * (x - 0.8 * mean), atol=1e-12, rtol=0)


def test_gaussian_defaults_to_the_datas_mean_and_covariance() -> None:
    data, x, level = load(SwissRoll(n=500)), points(50, 2), LEVELS[1]
    x0 = data.x0.double().numpy()
    c, mean = np.cov(x0.T, bias=True), x0.mean(0)
    noisy = 0.64 * c + 0.36 * np.eye(2)
    expected = mean + 0.8 * (x.numpy() - 0.8 * mean) @ np.linalg.solve(noisy, c)
    np.testing.assert_allclose(bound(Gaussian(), data)(x, level), expected, atol=1e-12)


def test_gaussian_is_the_best_linear_estimate() -> None:
    """Compare with a least-squares regression of x_0 on x_t over many pairs."""
    data, level = load(Pinwheel(n=100_000)), LEVELS[1]
    x = level.alpha * data.x0 + level.sigma * torch.randn(data.x0.shape, generator=torch.Generator().manual_seed(3))
    design = np.column_stack([x, np.ones(len(x))])
    coefficients = np.linalg.lstsq(design, data.x0.double().numpy(), rcond=None)[0]
    probe = points(20, 2, 1.0)
    expected = np.column_stack([probe, np.ones(20)]) @ coefficients
    np.testing.assert_allclose(bound(Gaussian(), data)(probe, level), expected, atol=0.03)


def test_gaussian_of_images() -> None:
    images = torch.rand(30, 4, 5, generator=torch.Generator().manual_seed(0))
    model = bound(Gaussian(), Data(images))
    assert model(torch.randn(6, 4, 5), LEVELS[1]).shape == (6, 4, 5)
    flat = bound(Gaussian(), Data(images.flatten(1)))(torch.zeros(1, 20), LEVELS[1])
    torch.testing.assert_close(model(torch.zeros(1, 4, 5), LEVELS[1]).flatten(1), flat)


@pytest.mark.parametrize("knows", ["x0", "eps"])
def test_the_oracle_knows_every_particles_own_sample(knows: str) -> None:
    data = load(SwissRoll(n=10))
    model = bound(Oracle(knows=knows), data)
    rows = torch.arange(25) % 10
    for level in [*LEVELS[:3], Level(0.0, 1.0, 0.0)]:
        x = level.alpha * data.x0[rows] + level.sigma * torch.randn(25, 2)
        error = (model(x, level) - data.x0[rows]).abs().max()
        # One rounding each in α·x_0, its difference from x, ε and σ·ε, magnified by 1/α.
        assert error <= (0 if knows == "x0" else 4 * 2**-24 * float(x.abs().max().clamp(min=1)) / level.alpha)
    if knows == "eps":
        with pytest.raises(ZeroDivisionError):
            model(torch.zeros(1, 2), LEVELS[3])


def test_guidance_is_unconditional_at_0_and_conditional_at_1() -> None:
    data, level = load(Pinwheel(n=3000)), LEVELS[1]
    x = points(200, 2, 1.0).float()
    own = Data(data.x0[data.labels == 2])
    d_all, d_own = bound(Empirical(), data)(x, level), bound(Empirical(), own)(x, level)
    for w in (0.0, 1.0, 3.0, -1.0):
        guided = bound(Guided(of=Empirical(), label=2, w=w), data)(x, level)
        torch.testing.assert_close(guided, d_all + w * (d_own - d_all), atol=2e-5, rtol=0)
    assert torch.equal(bound(Guided(of=Empirical(), label=2, w=0), data)(x, level), d_all)
    assert torch.equal(bound(Guided(of=Empirical(), label=2, w=1), data)(x, level), d_own)
    assert float((d_own - d_all).abs().max()) > 0.5


def class_posterior(data: Data, x: Tensor, level: Level) -> Tensor:
    """Return p(c | x_t) by summing over samples in float64, shape (m, classes)."""
    x0 = data.x0.double()
    logits = -torch.cdist(x, level.alpha * x0, compute_mode="donot_use_mm_for_euclid_dist").square() / (
        2 * level.sigma**2
    )
    weights = torch.softmax(logits, 1)
    return torch.stack([weights[:, data.labels == c].sum(1) for c in range(int(data.labels.max()) + 1)], 1)


@pytest.mark.parametrize("level", LEVELS[:3], ids=lambda level: f"{level.sigma:g}")
def test_the_unconditional_estimate_is_the_mean_over_classes(level: Level) -> None:
    """Check D_∅ = Σ_c p(c|x_t)·D_c for the samples, and for the distribution they were drawn from."""
    data = load(MixtureData(preset="five", n=2000))
    x = level.alpha * data.x0[:200].double() + level.sigma * points(200, 2, 1.0)
    law = data.density
    shares = torch.stack([w * law.only(c)(x, level) for c, w in enumerate(law.weights)], 1)
    for inner, posterior in (
        (Empirical(), class_posterior(data, x, level)),
        (Mixture(), shares / shares.sum(1, keepdim=True)),
    ):
        conditional = [bound(Guided(of=inner, label=c, w=1), data)(x, level) for c in range(5)]
        total = sum(posterior[:, c, None] * estimate for c, estimate in enumerate(conditional))
        unconditional = bound(Guided(of=inner, label=0, w=0), data)(x, level)
        assert float((total - unconditional).abs().max()) <= 1e-6


def test_guidance_by_each_particles_own_label() -> None:
    data, level = load(Pinwheel(n=500)), LEVELS[1]
    x = points(700, 2, 1.0).float()
    model = bound(Guided(of=Empirical(), w=2.0), data)
    guided = model(x, level)
    for c in range(5):
        in_class = data.labels[torch.arange(700) % 500] == c
        expected = bound(Guided(of=Empirical(), label=c, w=2.0), data)(x, level)
        torch.testing.assert_close(guided[in_class], expected[in_class], atol=2e-5, rtol=0)
    expected = bound(Guided(of=Empirical(), label=3, w=2.0), data)(x, level)
    torch.testing.assert_close(model(x, level, torch.full((700,), 3)), expected, atol=2e-5, rtol=0)


def test_a_blend_is_the_weighted_mean() -> None:
    data, level, x = load(SwissRoll(n=300)), LEVELS[1], points(40, 2).float()
    parts = Empirical(), Gaussian()
    exact, rough = (bound(part, data)(x, level) for part in parts)
    torch.testing.assert_close(bound(Blend(of=parts), data)(x, level), (exact + rough) / 2)
    torch.testing.assert_close(bound(Blend(of=parts, weights=(3, 1)), data)(x, level), 0.75 * exact + 0.25 * rough)
    assert torch.equal(bound(Blend(of=parts, weights=(0, 2)), data)(x, level), rough)
    assert list(Blend(of=parts, weights=(3, 1)).lint()) == ["'weights' sum to 4, not 1; they are normalised"]
    assert list(Blend(of=parts).lint()) == list(Blend(of=parts, weights=(0.5, 0.5)).lint()) == []


@pytest.mark.parametrize(
    ("denoiser", "data", "message"),
    [
        (
            Mixture(),
            Data(torch.zeros(3, 2)),
            "the mixture denoiser needs data drawn from a mixture of Gaussians, such as mixture or grid",
        ),
        (
            Gaussian(mean=(1, 2, 3), std=1),
            Data(torch.zeros(3, 2)),
            "the gaussian denoiser's 'mean' is for 3 coordinates, but the samples have 2",
        ),
        (
            Gaussian(),
            Data(torch.zeros(1, 65, 65)),
            "the gaussian denoiser needs 'std' for samples of more than 4096 numbers; these have 4225",
        ),
        (Guided(of=Empirical()), Data(torch.zeros(3, 2)), "the guided denoiser needs data with labels"),
        (
            Guided(of=Empirical(), label=7),
            Data(torch.zeros(2, 2), labels=torch.tensor([0, 3])),
            "the guided denoiser's label is 7, but the data's are 0, 3",
        ),
        (
            Blend(of=(Empirical(), Mixture())),
            Data(torch.zeros(3, 2)),
            "the mixture denoiser needs data drawn from a mixture of Gaussians, such as mixture or grid",
        ),
    ],
)
def test_unsuitable_data_are_refused(denoiser: Denoiser, data: Data, message: str) -> None:
    assert denoiser.check(context(data)) == message
    with pytest.raises(ValueError) as error:
        bound(denoiser, data)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Gaussian(std=1, covariance=((1,),)), "give either 'std' or 'covariance', not both"),
        (
            lambda: Gaussian(covariance=((1, 0), (0,))),
            "'covariance' must be a square matrix: with 2 rows, each needs 2 numbers",
        ),
        (lambda: Gaussian(covariance=((1, 2), (2, 1))), "'covariance' must be symmetric and positive definite"),
        (
            lambda: Blend(of=(Empirical(), Oracle()), weights=(1,)),
            "'weights' must have one entry for each of the 2 denoisers, got 1",
        ),
        (lambda: Blend(of=(Empirical(), Oracle()), weights=(0, 0)), "'weights' must not all be 0"),
    ],
)
def test_invalid_denoisers_are_refused(make, message: str) -> None:
    with pytest.raises(ValidationError) as error:
        make()
    assert [e["msg"] for e in error.value.errors()] == [f"Value error, {message}"]


def test_denoisers_without_a_density_are_discrete() -> None:
    assert Oracle().is_discrete
    assert not Gaussian().is_discrete
    assert not Guided(of=Mixture()).is_discrete
    assert Guided(of=Oracle()).is_discrete
    assert Blend(of=(Gaussian(), Oracle())).is_discrete
    assert math.isfinite(float(load(Grid(n=3)).density(torch.zeros(1, 2), LEVELS[0])))
