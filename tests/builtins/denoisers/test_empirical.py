"""The empirical denoiser against float64 arithmetic over all pairs, at every noise level and data size."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from noisereel.contracts.dataset import Data
from noisereel.contracts.denoiser import DenoiserContext, Model
from noisereel.contracts.parametrisation import to_score
from noisereel.contracts.schedule import Level
from noisereel_builtins.denoisers.block_sparse import Blocks
from noisereel_builtins.denoisers.empirical import Empirical
from noisereel_builtins.denoisers.gridded import Grid
from noisereel_builtins.denoisers.kd_blocks import kd_blocks
from noisereel_builtins.schedules.cosine import Cosine

SIGMAS = (0.003, 0.01, 0.03, 0.1, 0.3, 0.7, 0.99, 3.0, 30.0)


def bound(x0: Tensor) -> Model:
    return Empirical().bind(DenoiserContext(Data(x0), Cosine(), torch.device("cpu"), Path("unused")))


def preserving(sigma: float) -> Level:
    return Level(1.0, math.sqrt(1 - sigma**2), sigma)


def exploding(sigma: float) -> Level:
    return Level(1.0, 1.0, sigma)


def levels() -> list[Level]:
    return [exploding(s) for s in SIGMAS] + [preserving(s) for s in SIGMAS if s < 1] + [preserving(0.999999)]


def log_density(x: Tensor, x0: Tensor, level: Level) -> Tensor:
    """Return ln p_t(x) up to a constant, over all pairs in float64."""
    squares = (x.double()[:, None] - level.alpha * x0.double().flatten(1)).square().sum(2)
    return torch.logsumexp(-squares / (2 * level.sigma**2), 1)


def oracle(x: Tensor, x0: Tensor, level: Level) -> Tensor:
    """Return Σ w_i x_i over all pairs in float64."""
    distance = torch.cdist(x.double(), level.alpha * x0.double(), compute_mode="donot_use_mm_for_euclid_dist")
    return torch.softmax(-distance.square() / (2 * level.sigma**2), 1) @ x0.double()


def points(n: int, dims: int, seed: int = 0) -> Tensor:
    """Return points with dense and sparse regions: half on a thin curve, half in a wide cloud."""
    draw = torch.Generator().manual_seed(seed)
    along = torch.rand(n // 2, 1, generator=draw) * 9 + torch.arange(dims)
    curve = along.sin() + 0.01 * torch.randn(n // 2, dims, generator=draw)
    return torch.cat([curve, torch.randn(n - n // 2, dims, generator=draw)])


def noisy(x0: Tensor, level: Level, m: int, seed: int = 1) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    rows = torch.randint(len(x0), (m,), generator=draw)
    return level.alpha * x0[rows] + level.sigma * torch.randn(m, *x0.shape[1:], generator=draw)


@pytest.mark.parametrize(("n", "dims"), [(4000, 1), (4000, 2), (4000, 3), (142, 2), (900, 3), (300, 64), (200, 784)])
def test_equals_float64_arithmetic_at_every_level(n: int, dims: int) -> None:
    x0 = points(n, dims)
    model = bound(x0)
    for level in levels():
        x = noisy(x0, level, 6000 // (dims + 50))
        error = (model(x, level) - oracle(x, x0, level)).abs().max().item()
        assert error <= 6e-6, level


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_queries_far_from_all_data_are_exact(dims: int) -> None:
    x0 = points(3000, dims)
    model = bound(x0)
    draw = torch.Generator().manual_seed(2)
    for level in levels():
        for distance in (4.0, 30.0, 1e4):
            x = distance * torch.randn(20, dims, generator=draw)
            assert (model(x, level) - oracle(x, x0, level)).abs().max() <= 6e-6, (level, distance)


def far_oracle(x: Tensor, x0: Tensor, level: Level) -> Tensor:
    """Return Σ w_i x_i in float64, without the distance to the data's mean, in which far queries lose their digits."""
    centre, s = x0.double().mean(0), level.sigma / level.alpha
    u, y = x0.double() - centre, x.double() / level.alpha - centre
    return torch.softmax((y @ u.T - u.square().sum(1) / 2) / s**2, 1) @ u + centre


@pytest.mark.parametrize("dims", [1, 2, 3, 4, 64])
@pytest.mark.parametrize("n", [10, 50, 900, 3000])
def test_far_queries_are_exact_for_every_size_of_data(n: int, dims: int) -> None:
    x0 = points(n, dims)
    model = bound(x0)
    draw = torch.Generator().manual_seed(2)
    for level in levels():
        for distance in (4.0, 30.0, 1e3, 1e4, 1e6):
            x = distance * torch.randn(20, dims, generator=draw)
            assert (model(x, level) - far_oracle(x, x0, level)).abs().max() <= 6e-6, (level, distance)


@pytest.mark.parametrize("copies", [2, 15, 16, 17, 100, 500])
@pytest.mark.parametrize("gap", [1e-5, 1e-4, 1e-3, 1e-2])
@pytest.mark.parametrize("dims", [2, 4, 64])
def test_any_number_of_near_copies_is_told_apart(dims: int, gap: float, copies: int) -> None:
    draw = torch.Generator().manual_seed(5)
    base = torch.randn(6, dims, generator=draw)
    x0 = (base[:, None] + gap * torch.randn(6, copies, dims, generator=draw)).flatten(0, 1)
    for sigma in (gap / 3, gap, 3 * gap):
        x = noisy(x0, exploding(sigma), 60)
        exact = far_oracle(x, x0, exploding(sigma))
        assert (bound(x0)(x, exploding(sigma)) - exact).abs().max() <= 2e-6, sigma


@pytest.mark.parametrize(("n", "dims"), [(3000, 2), (100, 2), (50, 64)])
def test_float64_stays_float64(n: int, dims: int) -> None:
    x0 = points(n, dims)
    for level in levels():
        x = noisy(x0, level, 100).double()
        estimate = bound(x0)(x, level)
        assert estimate.dtype == torch.float64
        assert (estimate - oracle(x, x0, level)).abs().max() <= 1e-9, level


def test_the_grid_and_the_blocks_agree() -> None:
    x0 = points(5000, 2).double()
    y = x0[::7] + 0.05 * torch.randn(len(x0[::7]), 2, generator=torch.Generator().manual_seed(3))
    sums = Grid.of(x0, x0.float(), kd_blocks(x0, 128), 0.05).sums(y)
    assert (sums[:, 1:] / sums[:, :1] - Blocks.of(x0).mean(y, 0.05)).abs().max() <= 2e-6


def test_the_grids_sums_equal_the_kernel_density() -> None:
    x0 = points(2000, 2)
    level = exploding(0.2)
    x = noisy(x0, level, 200)
    sums = Grid.of(x0.double(), x0, kd_blocks(x0.double(), 128), 0.2).sums(x.double())
    exact = log_density(x, x0, level).exp()
    assert ((sums[:, 0] - exact) / exact).abs().max() <= 2e-6


def test_near_duplicates_in_many_dimensions_are_distinguished() -> None:
    draw = torch.Generator().manual_seed(4)
    base = torch.rand(150, 784, generator=draw) * 2 - 1
    level = exploding(0.01)
    for gap in (2e-4, 1e-3):
        twins = base + gap * torch.randn(base.shape, generator=draw)
        x0 = torch.cat([base, twins])
        x = noisy(x0, level, 300)
        exact = oracle(x, x0, level)
        error = (bound(x0)(x, level) - exact).norm(dim=1) / (base - twins).norm(dim=1).min()
        assert error.max() <= 2e-4


def test_duplicated_rows_count_twice() -> None:
    x0 = points(1500, 2)
    twice = torch.cat([x0, x0[:700], x0[:700]])
    for level in (exploding(0.01), exploding(0.3)):
        x = noisy(x0, level, 100)
        assert (bound(twice)(x, level) - oracle(x, twice, level)).abs().max() <= 6e-6


def test_all_rows_equal() -> None:
    x0 = torch.full((2000, 2), 0.25)
    for level in (exploding(0.01), preserving(0.9)):
        assert (bound(x0)(noisy(x0, level, 10), level) - 0.25).abs().max() <= 1e-7


def test_one_sample_is_always_the_answer() -> None:
    picture = torch.rand(1, 8, 8, 3)
    estimate = bound(picture)(torch.randn(3, 8, 8, 3), exploding(0.5))
    assert torch.equal(estimate, picture.expand(3, -1, -1, -1))


def test_clean_samples_are_their_own_estimate() -> None:
    x = torch.randn(5, 2)
    assert torch.equal(bound(points(100, 2))(x, Level(0.0, 1.0, 0.0)), x)


@pytest.mark.parametrize("alpha", [0.0, 5e-324, 1e-12])
def test_pure_noise_gives_the_mean_of_the_data(alpha: float) -> None:
    for n in (100, 3000):
        x0 = points(n, 2)
        estimate = bound(x0)(torch.randn(7, 2), Level(1.0, alpha, 1.0))
        assert (estimate - x0.mean(0)).abs().max() <= 1e-6


def test_images_are_compared_as_wholes() -> None:
    images = torch.rand(20, 4, 5, 3)
    level = exploding(0.4)
    x = noisy(images, level, 6)
    exact = oracle(x.flatten(1), images.flatten(1), level).view(6, 4, 5, 3)
    assert (bound(images)(x, level) - exact).abs().max() <= 6e-6


@pytest.mark.parametrize("n", [100, 3000])
@pytest.mark.parametrize("sigma", [0.005, 0.3])
def test_a_row_that_is_not_finite_affects_only_itself(n: int, sigma: float) -> None:
    x0, level = points(n, 2), exploding(sigma)
    x = noisy(x0, level, 50)
    expected = bound(x0)(x, level)
    x[7, 0], x[20, 1] = math.nan, math.inf
    estimate = bound(x0)(x, level)
    assert estimate[[7, 20]].isnan().all()
    others = [i for i in range(50) if i not in (7, 20)]
    assert (estimate[others] - expected[others]).abs().max() <= 2e-6


@pytest.mark.parametrize(("n", "dims"), [(3000, 1), (3000, 2), (3000, 3), (100, 2), (100, 64)])
def test_rows_are_independent_and_calls_are_deterministic(n: int, dims: int) -> None:
    x0 = points(n, dims)
    for level in (exploding(0.005), exploding(0.3), preserving(0.9)):
        x = noisy(x0, level, 2500 if dims < 3 else 300)
        whole = bound(x0)(x, level)
        parts = torch.cat([bound(x0)(part, level) for part in x.split(len(x) // 3)])
        assert (whole - parts).abs().max() <= 2e-6
        assert torch.equal(whole, bound(x0)(x, level))


def test_far_below_the_spacing_rows_are_independent_to_the_bit() -> None:
    x0, level = points(3000, 2), exploding(0.0005)
    x = noisy(x0, level, 1500)
    assert torch.equal(bound(x0)(x, level)[::2], bound(x0)(x[::2], level))


@pytest.mark.parametrize(("n", "dims"), [(3000, 2), (100, 2), (100, 64)])
def test_shifted_data_give_shifted_estimates(n: int, dims: int) -> None:
    x0 = (points(n, dims) * 1024).round() / 1024  # so that the shift is exact in float32
    for level in (exploding(0.01), exploding(0.5)):
        x = (noisy(x0, level, 60) * 65536).round() / 65536
        shifted = bound(x0 + 2.0)(x + 2.0, level) - 2.0
        assert (shifted - bound(x0)(x, level)).abs().max() <= 6e-6


@pytest.mark.parametrize("n", [60, 2000])
def test_estimates_give_the_gradient_of_the_log_density(n: int) -> None:
    x0 = points(n, 2)
    for level in (exploding(0.05), exploding(1.0), preserving(0.6)):
        x = noisy(x0, level, 40).double().requires_grad_()
        (score,) = torch.autograd.grad(log_density(x, x0, level).sum(), x)
        with torch.no_grad():
            estimate = to_score(x, bound(x0)(x, level), level)
        assert (estimate - score).abs().max() <= 1e-6 * score.abs().max()


@pytest.mark.parametrize(("n", "dims"), [(50, 2), (1500, 2), (40, 20)])
def test_estimates_can_be_differentiated(n: int, dims: int) -> None:
    """Check dx̂_0/dx = α·Cov[x_0 | x]/σ²."""
    x0, level = points(n, dims).double(), preserving(0.5)
    x = noisy(x0.float(), level, 1).double().requires_grad_()
    squares = (x.detach() - level.alpha * x0).square().sum(1)
    weights = torch.softmax(-squares / (2 * level.sigma**2), 0)
    off = x0 - weights @ x0
    covariance = (weights[:, None] * off).T @ off
    model = bound(x0)
    jacobian = torch.autograd.functional.jacobian(lambda x: model(x, level)[0], x)[:, 0]
    assert torch.allclose(jacobian, level.alpha * covariance / level.sigma**2, atol=1e-9)


@pytest.mark.parametrize(("n", "most"), [(1, 8), (7, 8), (8, 8), (9, 8), (8209, 32)])
def test_blocks_hold_every_point_once_and_not_too_many(n: int, most: int) -> None:
    blocks = kd_blocks(torch.randn(n, 2), most)
    assert blocks.shape[1] <= most
    assert torch.equal(blocks[blocks < n].sort().values, torch.arange(n))


def test_blocks_of_padding_have_no_weight() -> None:
    x0 = points(8209, 2)  # leaves 495 places unused, among them whole blocks
    level = exploding(0.002)
    x = noisy(x0, level, 200)
    assert (bound(x0)(x, level) - oracle(x, x0, level)).abs().max() <= 6e-6


def test_no_queries_give_no_estimates() -> None:
    assert bound(points(3000, 2))(torch.empty(0, 2), exploding(0.1)).shape == (0, 2)


def test_no_data_is_an_error() -> None:
    with pytest.raises(ValueError) as error:
        bound(torch.empty(0, 2))
    assert str(error.value) == "the empirical denoiser needs at least one sample; the data set is empty"


_PEAK = """
from test_empirical import *

def status(what):  # unlike ru_maxrss, which starts at the parent's peak
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what))

x0 = points(10_000, 2)
model = bound(x0)
bound(points(200, 2))(points(200, 2), exploding(0.1))
before = status("VmRSS")
for sigma in (0.005, 0.01, 0.02, 0.1, 0.7, 30.0):
    model(noisy(x0, exploding(sigma), 10_000), exploding(sigma))
print(status("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_stays_within_64_mib() -> None:
    path = [str(Path(__file__).parent), *sys.path]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:] = {path!r}\n{_PEAK}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert 0 < int(done.stdout) <= 64 * 1024
