"""Data sets: formulas, published numbers, exact densities, and files that cannot be read."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from pydantic import ValidationError
from torch import Tensor

from noisereel.contracts.dataset import Data, Dataset, LoadContext
from noisereel.contracts.schedule import Level
from noisereel.support.noise import LoadDraw
from noisereel_builtins.datasets.images.image import Image
from noisereel_builtins.datasets.images.mandrill import Mandrill
from noisereel_builtins.datasets.mixtures.mixture import Mixture
from noisereel_builtins.datasets.shapes.datasaurus import Datasaurus
from noisereel_builtins.datasets.shapes.s_curve import SCurve
from noisereel_builtins.datasets.shapes.swiss_roll import SwissRoll

THREE = Mixture(means=((2,), (5,), (-3,)), weights=(0.5, 0.3, 0.2), stds=(1, 0.5, 1.5))
FIVE = Mixture(
    means=((5, 1.5), (0, 5), (-5, 1.5), (-4.5, -5.5), (3, -4)),
    weights=(0.2, 0.2, 0.2, 0.2, 0.2),
    covariances=(
        ((2, 0.8), (0.8, 1)),
        ((1.5, -0.7), (-0.7, 1.2)),
        ((1, 0.4), (0.4, 2)),
        ((1, -0.5), (-0.5, 1.5)),
        ((2, 0), (0, 2)),
    ),
)


def load(dataset: Dataset, seed: int = 0, folder: Path = Path()) -> Data:
    return dataset.load(LoadContext(folder, LoadDraw(seed)))


class Given(np.random.RandomState):
    """A random state that gives scikit-learn the uniform numbers that our data set drew."""

    def __init__(self, u: Tensor) -> None:
        super().__init__(0)
        self.u = u.double().numpy()

    def uniform(self, low=0.0, high=1.0, size=None):
        return self.u.reshape(size)


def test_swiss_roll_equals_scikit_learns() -> None:
    from sklearn.datasets import make_swiss_roll

    data = load(SwissRoll(n=500))
    points, t = make_swiss_roll(500, random_state=Given(data.hue))
    np.testing.assert_allclose(data.x0, points[:, [0, 2]] / (4.5 * np.pi), atol=1e-6)
    np.testing.assert_allclose(data.hue, (t - 1.5 * np.pi) / (3 * np.pi), atol=1e-6)
    assert data.x0.dtype == data.hue.dtype == torch.float32


def test_s_curve_equals_scikit_learns() -> None:
    from sklearn.datasets import make_s_curve

    data = load(SCurve(n=500))
    points, t = make_s_curve(500, random_state=Given(data.hue))
    np.testing.assert_allclose(data.x0, points[:, [0, 2]] * [1, 0.5], atol=1e-6)
    np.testing.assert_allclose(data.hue, t / (3 * np.pi) + 0.5, atol=1e-6)


@pytest.mark.parametrize("kind", [SwissRoll, SCurve])
def test_noise_has_the_given_standard_deviation(kind: type[SwissRoll]) -> None:
    noise = load(kind(n=20_000, noise=0.1)).x0 - load(kind(n=20_000)).x0
    assert float(noise.std()) == pytest.approx(0.1, rel=5 / math.sqrt(2 * 40_000))
    assert abs(float(noise.mean())) < 5 * 0.1 / math.sqrt(40_000)


@pytest.mark.parametrize("dataset", [SwissRoll(n=50), SCurve(n=50, noise=0.1), Mixture(n=50), FIVE])
def test_data_depend_on_the_seed(dataset: Dataset) -> None:
    first, again, other = load(dataset), load(dataset), load(dataset, seed=1)
    assert torch.equal(first.x0, again.x0)
    assert not torch.equal(first.x0, other.x0)


def test_datasaurus_has_its_published_statistics() -> None:
    raw = load(Datasaurus(raw=True)).x0.double()
    assert raw.shape == (142, 2)
    np.testing.assert_allclose(raw.mean(0), [54.263, 47.832], atol=5e-4)
    np.testing.assert_allclose(raw.std(0), [16.765, 26.935], atol=1e-3)


def test_datasaurus_is_scaled_uniformly() -> None:
    raw, data = load(Datasaurus(raw=True)), load(Datasaurus())
    np.testing.assert_allclose(data.x0.std(0), [0.74, 1.19], atol=5e-3)
    assert float(data.x0.mean()) == pytest.approx(0, abs=1e-6)
    assert float(data.x0.std()) == pytest.approx(1, abs=1e-6)
    torch.testing.assert_close(data.hue, raw.hue, rtol=0, atol=1e-6)
    left_upper = data.x0[:, 0] < data.x0[:, 0].mean() - 0.5
    assert float(data.hue[left_upper & (data.x0[:, 1] > 0.5)].max()) < 0.25 < 0.75 < float(data.hue.max())


def test_mandrill_is_grey_or_coloured_in_any_size() -> None:
    grey, colored, small = load(Mandrill()).x0, load(Mandrill(color=True)).x0, load(Mandrill(size=64)).x0
    assert grey.shape == (1, 512, 512)
    assert colored.shape == (1, 512, 512, 3)
    assert small.shape == (1, 64, 64)
    luminance = colored @ torch.tensor([0.299, 0.587, 0.114])
    torch.testing.assert_close(grey, luminance, rtol=0, atol=1.01 / 127.5)
    blocks = grey.reshape(64, 8, 64, 8).mean((1, 3))
    assert float((small[0] - blocks).abs().mean()) < 0.03
    assert float(grey.min()) >= -1
    assert float(grey.max()) <= 1
    assert load(Mandrill()).hue is None


def test_image_maps_black_and_white_to_minus_1_and_1(tmp_path: Path) -> None:
    pixels = np.zeros((2, 3, 3), np.uint8)
    pixels[0, 1] = [255, 0, 51]
    Pillow.fromarray(pixels).save(tmp_path / "a.png")
    x0 = load(Image(path=Path("a.png")), folder=tmp_path).x0
    assert x0.shape == (1, 2, 3, 3)
    assert x0[0, 0, 1].tolist() == pytest.approx([1.0, -1.0, -0.6])
    assert x0[0, 1, 2].tolist() == [-1.0, -1.0, -1.0]


@pytest.mark.parametrize(
    ("size", "shape"), [(None, (40, 60)), (30, (20, 30)), ((7, 9), (7, 9)), (1, (1, 1)), (120, (80, 120))]
)
def test_image_sizes(tmp_path: Path, size: int | tuple[int, int] | None, shape: tuple[int, int]) -> None:
    Pillow.new("RGB", (60, 40), "navy").save(tmp_path / "a.jpg")
    assert load(Image(path=tmp_path / "a.jpg", size=size, color="grey")).x0.shape == (1, *shape)


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (Pillow.new("RGBA", (2, 2), (255, 0, 0, 0)), 1.0),
        (Pillow.new("LA", (2, 2), (0, 255)), -1.0),
        (Pillow.new("1", (2, 2), 1), 1.0),
        (Pillow.new("P", (2, 2)), -1.0),
        (Pillow.fromarray(np.full((2, 2), 250 * 257, np.uint16)), 250 / 127.5 - 1),
    ],
    ids=["transparent", "grey with alpha", "bilevel", "palette", "16 bits"],
)
def test_image_modes(tmp_path: Path, picture: Pillow.Image, expected: float) -> None:
    picture.save(tmp_path / "a.png")
    for color in ("grey", "rgb"):
        x0 = load(Image(path=tmp_path / "a.png", color=color)).x0
        torch.testing.assert_close(x0, torch.full_like(x0, expected))


TURNS = {
    1: lambda pixels: pixels,
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
    8: np.rot90,
}
"""Transformation of the pixels for each EXIF orientation."""


@pytest.mark.parametrize("suffix", ["png", "tiff", "webp"])
@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA"])
def test_image_follows_the_cameras_orientation(tmp_path: Path, suffix: str, mode: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    picture = Pillow.fromarray(pixels).convert(mode)
    for orientation, turn in TURNS.items():
        exif = Pillow.Exif()
        exif[0x0112] = orientation
        picture.save(tmp_path / f"a.{suffix}", exif=exif, **({"lossless": True} if suffix == "webp" else {}))
        x0 = load(Image(path=tmp_path / f"a.{suffix}")).x0
        np.testing.assert_allclose((x0[0] + 1) * 127.5, turn(np.asarray(picture.convert("RGB"))), atol=1e-4)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp", "gif", "tiff"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_truncated_pictures(tmp_path: Path, suffix: str, share: float) -> None:
    file = tmp_path / f"logo.{suffix}"
    Pillow.effect_noise((90, 90), 50).save(file)
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    with pytest.raises(ValueError) as error:
        load(Image(path=file))
    assert str(error.value).startswith(f"{file}: ")
    assert "\n" not in str(error.value)


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        load(Image(path=Path("logo.png")), folder=tmp_path)
    assert missing.value.filename in (str(tmp_path / "logo.png"), tmp_path / "logo.png")


def normal_density(x: np.ndarray, mean: float, variance: float) -> np.ndarray:
    return np.exp(-((x - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)


LEVELS = [Level(0.0, 1.0, 0.0), Level(1.0, 0.8, 0.6), Level(2.0, 0.0, 1.0), Level(3.0, 1.0, 3.0)]


@pytest.mark.parametrize("level", LEVELS)
def test_one_dimensional_density_is_the_sum_of_gaussians(level: Level) -> None:
    x = np.linspace(-30, 30, 20_001)
    density = load(Mixture(n=10)).density(torch.from_numpy(x)[:, None], level).numpy()
    a, v = level.alpha, level.sigma**2
    parts = zip((0.5, 0.3, 0.2), (2, 5, -3), (1, 0.5, 1.5), strict=True)
    expected = sum(w * normal_density(x, a * m, a**2 * s**2 + v) for w, m, s in parts)
    np.testing.assert_allclose(density, expected, rtol=1e-9, atol=1e-300)
    assert np.trapezoid(density, x) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("level", LEVELS)
def test_two_dimensional_density_equals_scipys(level: Level) -> None:
    from scipy.stats import multivariate_normal

    axis = torch.linspace(-30, 30, 301, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    density = load(FIVE).density(grid, level)
    expected = sum(
        0.2
        * multivariate_normal(
            level.alpha * np.array(mean), level.alpha**2 * np.array(cov) + level.sigma**2 * np.eye(2)
        ).pdf(grid.numpy())
        for mean, cov in zip(FIVE.means, FIVE.covariances, strict=True)
    )
    np.testing.assert_allclose(density, expected, rtol=1e-9, atol=1e-300)
    assert float(density.sum()) * 0.2**2 == pytest.approx(1, abs=1e-6)


def test_three_dimensional_density_equals_scipys() -> None:
    from scipy.stats import multivariate_normal

    covariance = ((2.0, 0.8, -0.3), (0.8, 1.0, 0.2), (-0.3, 0.2, 0.5))
    x = 2 * torch.randn(100, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    density = Mixture(means=((1, 2, 3),), weights=(1,), covariances=(covariance,)).law()(x, LEVELS[1])
    expected = multivariate_normal([0.8, 1.6, 2.4], 0.64 * np.array(covariance) + 0.36 * np.eye(3)).pdf(x.numpy())
    np.testing.assert_allclose(density, expected, rtol=1e-9)


@pytest.mark.parametrize("dataset", [THREE.model_copy(update={"n": 200_000}), FIVE.model_copy(update={"n": 200_000})])
@pytest.mark.parametrize("level", LEVELS[:2])
def test_noisy_samples_follow_their_density(dataset: Mixture, level: Level) -> None:
    """Compare counts along the first axis with the density integrated over cells: χ² within 5 standard deviations."""
    data = load(dataset)
    z = torch.randn(data.x0.shape, generator=torch.Generator().manual_seed(1))
    x = (level.alpha * data.x0 + level.sigma * z)[:, 0].numpy()
    edges = np.linspace(-9, 9, 61)
    fine = torch.linspace(-9, 9, 60 * 40 + 1, dtype=torch.float64)
    marginal = dataset.model_copy(
        update={
            "means": tuple(mean[:1] for mean in dataset.means),
            "stds": tuple(math.sqrt(c[0][0]) for c in dataset.covariances) or dataset.stds,
            "covariances": (),
        }
    )
    p = marginal.law()(fine[:, None], level).numpy()
    cells = np.array([np.trapezoid(p[i * 40 : (i + 1) * 40 + 1], dx=18 / 2400) for i in range(60)]) * len(x)
    counts = np.histogram(x, edges)[0]
    full = cells > 20
    chi2 = ((counts - cells)[full] ** 2 / cells[full]).sum()
    assert chi2 < full.sum() + 5 * math.sqrt(2 * full.sum())


def test_labels_are_the_components() -> None:
    data = load(FIVE)
    assert data.labels.dtype == torch.int64
    for k, (mean, cov) in enumerate(zip(FIVE.means, FIVE.covariances, strict=True)):
        own = data.x0[data.labels == k].double()
        assert len(own) == pytest.approx(2000, abs=5 * math.sqrt(10_000 * 0.2 * 0.8))
        np.testing.assert_allclose(own.mean(0), mean, atol=5 * math.sqrt(2 / len(own)))
        np.testing.assert_allclose(own.T.cov(), cov, atol=0.25)
        assert torch.equal(data.hue[data.labels == k], torch.full((len(own),), k / 4))
    assert load(Mixture()).event_shape == (1,)


@pytest.mark.parametrize("k", [1, 2, 3, 5])
@pytest.mark.parametrize("given", [(), ("weights",), ("stds",), ("covariances",), ("weights", "stds")])
@pytest.mark.parametrize("dimensions", [1, 3])
def test_defaults_of_a_mixture_follow_its_means(k: int, given: tuple[str, ...], dimensions: int) -> None:
    eye = torch.eye(dimensions, dtype=torch.float64)
    fields = {
        "weights": tuple(range(1, k + 1)),
        "stds": tuple(0.5 + i for i in range(k)),
        "covariances": (tuple(map(tuple, (2 * eye).tolist())),) * k,
    }
    means = tuple((float(i),) * dimensions for i in range(k))
    mixture = Mixture(means=means, **{name: fields[name] for name in given})
    law = mixture.law()
    weights = torch.tensor(fields["weights"] if "weights" in given else (1,) * k, dtype=torch.float64)
    torch.testing.assert_close(law.weights, weights / weights.sum())
    variances = [s**2 for s in fields["stds"]] if "stds" in given else [2 if "covariances" in given else 1] * k
    torch.testing.assert_close(law.covariances, torch.tensor(variances, dtype=torch.float64)[:, None, None] * eye)


@pytest.mark.parametrize(("weights", "warns"), [((1, 1), 0), ((0.7, 0.7), 0), ((1, 3), 1), ((0.25, 0.75), 0)])
def test_only_unequal_weights_are_warned_of(weights: tuple[float, ...], warns: int) -> None:
    assert len(list(Mixture(means=(0, 1), weights=weights).lint())) == warns


def test_weights_need_not_sum_to_1() -> None:
    normalised, scaled = Mixture(n=100), Mixture(n=100, weights=(5, 3, 2))
    assert torch.equal(load(normalised).x0, load(scaled).x0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"means": (1, 2), "weights": (1, 2, 3)},
            "Value error, 'weights' must have one entry for each of the 2 means, got 3",
        ),
        ({"stds": (1, 2)}, "Value error, 'stds' must have one entry for each of the 3 default means, got 2"),
        (
            {"covariances": (((1,),),)},
            "Value error, 'covariances' must have one entry for each of the 3 default means, got 1",
        ),
        ({"means": ((1, 2), (3,), (4, 5))}, "Value error, 'means' must all have the same number of coordinates"),
        ({"weights": (1, 0, 1)}, "Input should be greater than 0"),
        ({"means": ()}, "Tuple should have at least 1 item after validation, not 0"),
        ({"means": 3}, "Input should be a valid tuple"),
        ({"n": 0}, "Input should be greater than or equal to 1"),
        (
            {"stds": (1, 1, 1), "covariances": (((1,),),) * 3},
            "Value error, give either 'stds' or 'covariances', not both",
        ),
        (
            {"means": ((0, 0),), "weights": (1,), "covariances": (((1, 2), (2, 1)),)},
            "Value error, 'covariances[0]' must be symmetric and positive definite",
        ),
        (
            {"means": ((0, 0),), "weights": (1,), "covariances": (((1, 0.5), (0, 1)),)},
            "Value error, 'covariances[0]' must be symmetric and positive definite",
        ),
        (
            {"means": ((0, 0),), "weights": (1,), "covariances": (((1,),),)},
            "Value error, 'covariances[0]' must be 2×2, as its mean has 2 coordinates",
        ),
    ],
)
def test_invalid_mixtures_are_refused(fields: dict, message: str) -> None:
    with pytest.raises(ValidationError) as error:
        Mixture(**fields)
    assert [e["msg"] for e in error.value.errors()] == [message]
