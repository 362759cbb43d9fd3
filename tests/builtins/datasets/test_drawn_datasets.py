"""Data sets of drawn points: their formulas, uniformity and parts; and the memory that points need."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from noisereel.contracts.dataset import Data, Dataset, LoadContext
from noisereel.contracts.schedule import Level
from noisereel.support import memory
from noisereel.support.noise import LoadDraw
from noisereel_builtins.datasets.mixtures.grid import Grid
from noisereel_builtins.datasets.mixtures.mixture import PRESETS, Mixture
from noisereel_builtins.datasets.shapes.checkerboard import Checkerboard
from noisereel_builtins.datasets.shapes.circles import Circles
from noisereel_builtins.datasets.shapes.cloud import within
from noisereel_builtins.datasets.shapes.cross import Cross
from noisereel_builtins.datasets.shapes.disc import Disc
from noisereel_builtins.datasets.shapes.line import Line
from noisereel_builtins.datasets.shapes.pinwheel import Pinwheel
from noisereel_builtins.datasets.shapes.rings import Rings
from noisereel_builtins.datasets.shapes.s_curve import SCurve
from noisereel_builtins.datasets.shapes.smiley import Smiley
from noisereel_builtins.datasets.shapes.spirals import Spirals
from noisereel_builtins.datasets.shapes.swiss_roll import SwissRoll
from noisereel_builtins.datasets.shapes.text import Text
from noisereel_builtins.datasets.shapes.tree import Tree
from noisereel_builtins.datasets.shapes.two_moons import TwoMoons
from noisereel_builtins.datasets.standardised import Standardised
from noisereel_builtins.datasets.tables.array import Array

N = 20_000


def load(dataset: Dataset, seed: int = 0) -> Data:
    return dataset.load(LoadContext(Path(), LoadDraw(seed)))


def radius(x: Tensor) -> Tensor:
    return x.double().norm(dim=1)


def turn(x: Tensor) -> Tensor:
    """Return the angle of each point as a share of a full turn, in [0, 1)."""
    return (torch.atan2(x[:, 1].double(), x[:, 0].double()) / math.tau) % 1


def assert_uniform(values: Tensor) -> None:
    """Check that values are uniform in [0, 1]: a Kolmogorov–Smirnov distance that is exceeded once in 10⁶ times."""
    ordered = values.double().sort().values
    steps = torch.arange(len(ordered) + 1) / len(ordered)
    worst = max(float((ordered - steps[:-1]).max()), float((steps[1:] - ordered).max()))
    assert worst < 2.7 / math.sqrt(len(ordered))


def assert_shares(labels: Tensor, shares: list[float]) -> None:
    """Check that labels have these shares, within 5 standard errors."""
    counts = torch.bincount(labels, minlength=len(shares)).double()
    p = torch.tensor(shares, dtype=torch.float64)
    assert len(counts) == len(shares)
    assert bool(((counts - len(labels) * p).abs() <= 5 * (len(labels) * p * (1 - p)).sqrt()).all())


def test_two_moons_equal_scikit_learns() -> None:
    from sklearn.datasets import make_moons

    data = load(TwoMoons(n=N))
    theirs, labels = make_moons(4000, shuffle=False)
    for label in (0, 1):
        moon = torch.from_numpy(theirs[labels == label]) - torch.tensor([0.5, 0.25])
        distance = torch.cdist(data.x0[data.labels == label].double(), moon).amin(1)
        assert float(distance.max()) < math.pi / 2000
        assert_uniform((data.hue[data.labels == label] * 2 - label).clamp(0, 1))
    assert_shares(data.labels, [0.5, 0.5])
    torch.testing.assert_close(data.x0.mean(0), torch.zeros(2), atol=0.03, rtol=0)


def test_circles_are_uniform() -> None:
    data = load(Circles(n=N, factor=0.3))
    torch.testing.assert_close(radius(data.x0), torch.tensor([1.0, 0.3]).double()[data.labels], atol=1e-6, rtol=0)
    assert_shares(data.labels, [0.5, 0.5])
    assert_uniform(turn(data.x0))


def test_rings_are_equally_dense() -> None:
    data = load(Rings(n=N, rings=4))
    torch.testing.assert_close(radius(data.x0), (data.labels + 1).double() / 4, atol=1e-6, rtol=0)
    assert_shares(data.labels, [0.1, 0.2, 0.3, 0.4])
    assert_uniform(turn(data.x0[data.labels == 2]))


@pytest.mark.parametrize(("squares", "filled"), [(4, 8), (3, 5), (1, 1)])
def test_the_checkerboard_fills_every_other_square(squares: int, filled: int) -> None:
    x = load(Checkerboard(n=N, squares=squares)).x0.double()
    position = (x + 2) * squares / 4
    cell = position.floor().clamp(0, squares - 1).long()
    assert bool((cell.sum(1) % 2 == 0).all())
    _, square = torch.unique(cell, dim=0, return_inverse=True)
    assert_shares(square, [1 / filled] * filled)
    assert_uniform((position - cell)[:, 0])
    assert_uniform((position - cell)[:, 1])


def test_spirals_fill_the_disc_evenly() -> None:
    data = load(Spirals(n=N, arms=3, turns=1.5, noise=0))
    assert_uniform(radius(data.x0).square())
    unwound = (turn(data.x0) - 1.5 * radius(data.x0) - data.labels / 3) % 1
    assert float(torch.minimum(unwound, 1 - unwound).max()) < 1e-4
    assert_shares(data.labels, [1 / 3] * 3)


def test_the_pinwheels_arms_are_rotations_of_one_arm() -> None:
    data = load(Pinwheel(n=N, arms=5, swirl=0))
    angle = -math.tau * data.labels.double() / 5
    x, y = data.x0.double().T / 2
    back = torch.stack([angle.cos() * x - angle.sin() * y, angle.sin() * x + angle.cos() * y], 1)
    np.testing.assert_allclose(back.mean(0), [1, 0], atol=5 * 0.3 / math.sqrt(N))
    np.testing.assert_allclose(back.std(0), [0.3, 0.05], rtol=5 / math.sqrt(2 * N))
    bent = load(Pinwheel(n=N, arms=5))
    torch.testing.assert_close(radius(bent.x0), radius(data.x0), atol=1e-5, rtol=0)
    twist = (turn(bent.x0) - turn(data.x0)) % 1
    torch.testing.assert_close(twist, (0.25 * back[:, 0].exp() / math.tau) % 1, atol=1e-4, rtol=0)


def test_the_tree_is_filled_by_length_and_3_high() -> None:
    data = load(Tree(n=N, forks=3, shrink=0.5, angle=30, noise=0))
    # Lengths are 1, 2·½, 4·¼ and 8·⅛: each generation has a quarter of the points.
    assert_shares((data.hue * 3).round().long(), [0.25] * 4)
    assert_shares(data.labels, [0.25, 0.375, 0.375])
    assert float(data.x0[:, 1].max() - data.x0[:, 1].min()) == pytest.approx(3, abs=0.02)
    trunk = data.x0[data.hue == 0]
    assert float(trunk[:, 0].abs().max()) < 1e-6
    mirrored = torch.tensor([-1.0, 1.0]) * data.x0[data.labels == 1]
    assert float(torch.cdist(mirrored, data.x0[data.labels == 2]).amin(1).max()) < 0.05
    assert load(Tree(n=10, forks=0, noise=0)).x0[:, 0].abs().max() < 1e-6


def test_the_line_is_evenly_filled() -> None:
    data = load(Line(n=N, angle=30))
    x = data.x0.double()
    np.testing.assert_allclose(x @ torch.tensor([-0.5, math.sqrt(0.75)]).double(), 0, atol=1e-6)
    assert_uniform((x @ torch.tensor([math.sqrt(0.75), 0.5]).double() + 1) / 2)


def test_the_cross_is_two_bars() -> None:
    data = load(Cross(n=N, width=0.5))
    assert_shares(data.labels, [1 / 1.75, 0.375 / 1.75, 0.375 / 1.75])
    bar, left, right = (data.x0[data.labels == i] for i in range(3))
    assert float(bar[:, 0].abs().max()) <= 0.25
    assert_uniform((bar[:, 1] + 1) / 2)
    assert_uniform((left[:, 0] + 1) / 0.75)
    assert_uniform((right[:, 0] - 0.25) / 0.75)


def test_the_smileys_parts() -> None:
    data = load(Smiley(n=N))
    face, left, right, mouth = (data.x0[data.labels == i] for i in range(4))
    torch.testing.assert_close(radius(face), torch.ones(len(face)).double(), atol=1e-6, rtol=0)
    assert_uniform((radius(left - torch.tensor([-0.35, 0.3])) / 0.12).square())
    assert_uniform((radius(right - torch.tensor([0.35, 0.3])) / 0.12).square())
    torch.testing.assert_close(radius(mouth), torch.full((len(mouth),), 0.6).double(), atol=1e-6, rtol=0)
    assert float(mouth[:, 1].max()) < -0.2
    assert_shares(data.labels, [0.5, 0.125, 0.125, 0.25])


def test_the_disc_is_evenly_filled() -> None:
    data = load(Disc(n=N))
    assert_uniform(radius(data.x0).square())
    assert_uniform(turn(data.x0))


@pytest.mark.parametrize("kind", [SwissRoll, SCurve])
def test_in_space_they_are_the_plane_shapes_with_width(kind: type[SwissRoll]) -> None:
    plane, space = load(kind(n=N)).x0, load(kind(n=N, dims=3)).x0
    assert torch.equal(space[:, [0, 2]], plane)
    width = 21 / (4.5 * math.pi) if kind is SwissRoll else 2
    assert_uniform(space[:, 1] / width + 0.5)
    assert width / 2 * 0.998 < float(space[:, 1].abs().max()) <= width / 2


def test_the_roll_in_space_has_the_moments_of_scikit_learns() -> None:
    from sklearn.datasets import make_swiss_roll

    theirs, _ = make_swiss_roll(20_000, random_state=0)
    ours = load(SwissRoll(n=N, dims=3)).x0.double().numpy() * 4.5 * np.pi + [0, 10.5, 0]
    np.testing.assert_allclose(ours.mean(0), theirs.mean(0), atol=0.5)
    np.testing.assert_allclose(np.cov(ours.T), np.cov(theirs.T), atol=2.5)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_the_grids_centres_are_a_square_lattice(dims: int) -> None:
    grid = Grid(side=3, spacing=2, std=0.1, dims=dims, n=N)
    centres = grid.law().means
    assert centres.shape == (3**dims, dims)
    assert sorted(set(centres.flatten().tolist())) == [-2, 0, 2]
    assert len(torch.unique(centres, dim=0)) == 3**dims
    data = load(grid)
    assert_shares(data.labels, [3.0**-dims] * 3**dims)
    off = data.x0.double() - centres[data.labels]
    assert float(off.std()) == pytest.approx(0.1, rel=5 / math.sqrt(2 * N * dims))


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_have_the_moments_of_their_mixture(preset: str) -> None:
    data = load(Mixture(preset=preset, n=N))
    law = data.density
    mean = (law.weights[:, None] * law.means).sum(0)
    spread = law.covariances + torch.einsum("ki,kj->kij", law.means - mean, law.means - mean)
    covariance = (law.weights[:, None, None] * spread).sum(0)
    scale = float(covariance.diagonal().max())
    np.testing.assert_allclose(data.x0.double().mean(0), mean, atol=5 * math.sqrt(scale / N))
    np.testing.assert_allclose(torch.atleast_2d(data.x0.double().T.cov()), covariance, atol=15 * scale / math.sqrt(N))
    assert float(law.weights.sum()) == pytest.approx(1)


def test_a_preset_excludes_other_fields() -> None:
    with pytest.raises(ValueError, match="Value error, give either 'preset' or 'stds', not both"):
        Mixture(preset="five", stds=(1, 1))
    assert Mixture(preset="three").law().means.tolist() == Mixture().law().means.tolist()


def test_weights_that_do_not_sum_to_1_are_warned_of() -> None:
    assert list(Mixture(weights=(5, 3, 2)).lint()) == [
        "'weights' sum to 10, not 1; they are normalised to 0.5, 0.3, 0.2"
    ]
    assert list(Mixture(weights=(1, 1, 2)).lint()) == [
        "'weights' sum to 4, not 1; they are normalised to 0.25, 0.25, 0.5"
    ]
    assert list(Mixture(weights=(0.1, 0.2, 0.7)).lint()) == list(Mixture(preset="five").lint()) == []


@pytest.mark.parametrize("each", ["all", "axis"])
def test_standardised_data_can_be_restored(each: str) -> None:
    inner = Standardised(of=Pinwheel(n=500))
    raw, data = load(Pinwheel(n=500)), load(Standardised(of=inner, each=each))
    np.testing.assert_allclose(data.x0.double().mean(0), 0, atol=1e-6)
    deviations = data.x0.double().std(0, correction=0)
    if each == "axis":
        np.testing.assert_allclose(deviations, 1, atol=1e-6)
    else:
        assert float(data.x0.double().square().mean()) == pytest.approx(1, abs=1e-6)
        theirs = raw.x0.double().std(0, correction=0)
        assert float(deviations[0] / deviations[1]) == pytest.approx(float(theirs[0] / theirs[1]), rel=1e-6)
    torch.testing.assert_close(data.scaling.restore(data.x0), raw.x0, atol=1e-6, rtol=0)
    assert torch.equal(data.labels, raw.labels)


class Bell(Dataset):
    """N(3, 0.5²) in the plane, with a density that is a plain function, not a mixture's."""

    def load(self, ctx: LoadContext) -> Data:
        def density(x: Tensor, level: Level) -> Tensor:
            v = (0.5 * level.alpha) ** 2 + level.sigma**2
            return torch.exp(-(x - 3 * level.alpha).square().sum(1) / (2 * v)) / (2 * math.pi * v)

        return Data(3 + 0.5 * ctx.draw.normal(400, 2, name="bell"), density=density)


@pytest.mark.parametrize("level", [Level(0.0, 1.0, 0.0), Level(1.0, 0.6, 0.8)], ids=["clean", "noisy"])
def test_any_density_follows_a_uniform_scale(level: Level) -> None:
    """y = (x − m)/s with noise is Gaussian, too: mean α·(3 − m)/s, variance (α·0.5/s)² + σ²."""
    data = load(Standardised(of=Bell()))
    m, s = data.scaling.shift, float(data.scaling.scale[0])
    y = torch.randn(50, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    v = (0.5 * level.alpha / s) ** 2 + level.sigma**2
    expected = torch.exp(-(y - level.alpha * (3 - m) / s).square().sum(1) / (2 * v)) / (2 * math.pi * v)
    torch.testing.assert_close(data.density(y, level), expected, rtol=1e-9, atol=0)
    assert load(Standardised(of=Bell(), each="axis")).density is None  # noise would differ by coordinate


@pytest.mark.parametrize(
    ("each", "message"), [("all", "all samples are equal"), ("axis", "a coordinate has the same value in all samples")]
)
def test_constant_data_cannot_be_standardised(each: str, message: str) -> None:
    constant = Array(values=((0.1, 0.7), (0.1, 0.7), (0.1, 0.7 if each == "all" else 0.8)))
    with pytest.raises(ValueError) as error:
        load(Standardised(of=constant, each=each))
    assert str(error.value) == f"cannot be standardised: {message}"


def test_text_is_filled_uniformly_and_has_holes() -> None:
    data = load(Text(text="O", n=N, extent=1))
    r = radius(data.x0)
    assert float(r.min()) > 0.2
    assert 0.95 < float(data.x0[:, 1].abs().max()) <= 1
    assert_shares((data.x0[:, 0] > 0).long(), [0.5, 0.5])
    assert_shares((data.x0[:, 1] > 0).long(), [0.5, 0.5])
    assert float(data.hue.min()) == pytest.approx(0, abs=0.01)
    assert float(data.hue.max()) == pytest.approx(1, abs=0.01)
    wide, tall = load(Text(text="MMMM", n=500)).x0, load(Text(text="M\nM\nM", n=500)).x0
    assert float(wide[:, 0].abs().max()) == pytest.approx(2, abs=0.05)
    assert float(tall[:, 1].abs().max()) == pytest.approx(2, abs=0.05)


def test_text_is_inside_matplotlibs_outline() -> None:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    path = TextPath((0, 0), "L", size=100, prop=FontProperties(family="DejaVu Sans", weight="bold"))
    corners = np.concatenate(path.to_polygons())
    low, high = corners.min(0), corners.max(0)
    x = load(Text(text="L", n=2000)).x0.double().numpy() * (high - low).max() / 4 + (low + high) / 2
    assert path.contains_points(x, radius=0.01).mean() > 0.999


def test_text_without_outlines() -> None:
    with pytest.raises(ValueError) as error:
        load(Text(text=" "))
    assert str(error.value) == "there is nothing to draw in ' '"


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (TwoMoons(n=10**9), "1,000,000,000 points need about 104 GiB of memory, but only 24 GiB are free: use fewer"),
        (Mixture(n=10**9), "1,000,000,000 samples need about 89 GiB of memory, but only 24 GiB are free: use fewer"),
        (
            Text(text="a", n=10**9),
            "1,000,000,000 points need about 104 GiB of memory, but only 24 GiB are free: use fewer",
        ),
    ],
    ids=["moons", "mixture", "text"],
)
def test_data_that_do_not_fit_into_memory_are_refused_before_they_are_drawn(
    dataset: Dataset, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 24 * 2**30)
    with pytest.raises(ValueError) as error:
        load(dataset)
    assert str(error.value) == message


def test_the_free_memory_is_plausible() -> None:
    free = memory.available()
    assert free is None or 2**20 < free < 2**50


def test_an_empty_area_is_an_error() -> None:
    ends = torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    with pytest.raises(ValueError) as error:
        within(LoadContext(Path(), LoadDraw(0)), 5, *ends, lambda points: points[:, 0] < 0)
    assert str(error.value) == "there is no area to draw points from"
    points = within(LoadContext(Path(), LoadDraw(0)), 3000, *ends, lambda points: points[:, 0] < 0.01)
    assert points.shape == (3000, 2)
    assert_uniform(points[:, 0] * 100)
    assert_uniform(points[:, 1])
