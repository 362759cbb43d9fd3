"""The empirical denoiser: the posterior mean over a data set, against the usual broadcast to ``[M, N, D]``."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from common import Row, compare
from torch import Tensor

from noisereel.contracts.dataset import Data
from noisereel.contracts.denoiser import DenoiserContext, Model
from noisereel.contracts.schedule import Level
from noisereel_builtins.denoisers.empirical import Empirical
from noisereel_builtins.schedules.cosine import Cosine

N = 10_000
SIGMAS = (0.003, 0.01, 0.02, 0.03, 0.05, 0.1, 0.3, 0.7, 0.99)


def rows() -> Iterator[Row]:
    """Time it at every noise level, in two and in more dimensions; measure errors and memory."""
    for name, x0 in (("roll", _roll()), ("Gaussian", torch.randn(N, 2, generator=_draw()))):
        levels = [Level(1.0, math.sqrt(1 - s * s), s) for s in SIGMAS] + [Level(1.0, 1.0, 30.0)]
        for level in levels:
            target = "300×" if level.sigma <= 0.01 else "100×" if level.sigma >= 0.3 else "60×"
            yield _against_broadcast(f"{name}, 10,000 × 10,000, D=2", x0, N, level, target)
        yield _worst(name, x0, levels)
    others = (
        ("142 × 2,000, D=2", _roll()[:142], 2000),
        ("5,000 × 5,000, D=3", torch.randn(5000, 3, generator=_draw()), 5000),
        ("1,797 × 1,000, D=64", torch.rand(1797, 64, generator=_draw()), 1000),
    )
    for name, x0, m in others:
        for sigma in (0.01, 0.3):
            yield _against_broadcast(name, x0, m, Level(1.0, 1.0, sigma), "")
    yield from _against_keops()
    yield from _near_duplicates()
    yield Row("10,000 × 10,000, D=2, extra peak memory", _peak(), None, "≤ 50 MiB", unit="MiB")


def _against_broadcast(what: str, x0: Tensor, m: int, level: Level, target: str) -> Row:
    model, x = _model(x0), _noisy(x0, level, m)
    ours, theirs = compare(_fresh(model, x, level), lambda: _broadcast(x, x0, level), 2)
    note = f"error {_error(model, x, x0, level):.1e}"
    return Row(f"{what}, α={level.alpha:.3g}, σ={level.sigma:g}", ours, theirs, target, note)


def _against_keops() -> Iterator[Row]:
    """Compare with KeOps on the CPU, if it is installed; it compiles its kernel at the first call."""
    try:
        from pykeops.torch import LazyTensor
    except ImportError:
        print("(no rows against KeOps: they need 'pip install pykeops' and a C++ compiler)\n")
        return
    x0 = _roll()
    data, model = LazyTensor(x0[None]), _model(x0)
    for sigma in (0.01, 0.1, 0.7):
        level = Level(1.0, math.sqrt(1 - sigma**2), sigma)
        x = _noisy(x0, level, N)

        def theirs(x: Tensor = x, level: Level = level) -> Tensor:
            squares = ((LazyTensor(x[:, None]) - level.alpha * data) ** 2).sum(-1)
            return (-squares / (2 * level.sigma**2)).sumsoftmaxweight(data, axis=1)

        times = compare(_fresh(model, x, level), theirs, 3)
        yield Row(f"roll, 10,000 × 10,000, D=2, σ={sigma:g}, against KeOps", *times, "8×")


def _fresh(model: Model, x: Tensor, level: Level) -> Callable[[], Tensor]:
    """Return a call at a level that is new each time, so that nothing cached for a level is reused."""
    count = itertools.count()
    return lambda: model(x, Level(level.t, level.alpha, level.sigma * (1 + 1e-9 * next(count))))


def _worst(name: str, x0: Tensor, levels: list[Level]) -> Row:
    model = _model(x0)
    worst = max(_error(model, _noisy(x0, level, N), x0, level) for level in levels)
    return Row(f"{name}, D=2, largest error at any of these levels", worst, None, "≤ 6e-6", unit="")


def _near_duplicates() -> Iterator[Row]:
    """Measure pairs so close that a float32 matrix product loses their distance, and compare the time with it."""
    base = torch.rand(N // 2, 784, generator=_draw()) * 2 - 1
    x0, level = torch.cat([base, base + 5e-4 * torch.randn(base.shape, generator=_draw())]), Level(1.0, 1.0, 0.01)
    x, model, gap = _noisy(x0, level, 1000), _model(x0), (x0[: N // 2] - x0[N // 2 :]).norm(dim=1).min()
    exact = _by_distances(x[:100], x0, level)
    ours, plain = ((f(x[:100], level) - exact).norm(dim=1).max() / gap for f in (model, partial(_product, x0)))
    what = "near-duplicates, 10,000 × 1,000, D=784, σ=0.01"
    yield Row(f"{what}, error relative to their distance", float(ours), None, "≤ 2e-4", unit="")
    times = compare(_fresh(model, x, level), lambda: _product(x0, x, level), 3)
    yield Row(f"{what}, speed of plain float32 addmm", *times, "83 %", f"addmm's error {float(plain):.1e}")


def _product(x0: Tensor, x: Tensor, level: Level) -> Tensor:
    """Return the posterior mean by one float32 matrix product, at α = 1."""
    logits = torch.addmm(x0.square().sum(1) / (-2 * level.sigma**2), x / level.sigma**2, x0.T)
    return torch.softmax(logits, 1) @ x0


def _by_distances(x: Tensor, x0: Tensor, level: Level) -> Tensor:
    distance = torch.cdist(x.double(), x0.double(), compute_mode="donot_use_mm_for_euclid_dist")
    return torch.softmax(distance.square() / (-2 * level.sigma**2), 1) @ x0.double()


def _broadcast(x: Tensor, x0: Tensor, level: Level) -> Tensor:
    squares = ((x[:, None] - level.alpha * x0[None]) ** 2).sum(-1)
    weights = torch.softmax(-squares / (2 * level.sigma**2), 1)
    return (weights[:, :, None] * x0[None]).sum(1)


def _exact(x: Tensor, x0: Tensor, level: Level) -> Tensor:
    parts = torch.split(x.double(), 50)
    return torch.cat([_broadcast(part, x0.double(), level) for part in parts])


def _error(model: Model, x: Tensor, x0: Tensor, level: Level) -> float:
    sample = slice(None, None, max(1, len(x) // 300))
    return float((model(x, level)[sample] - _exact(x[sample], x0, level)).abs().max())


def _model(x0: Tensor) -> Model:
    return Empirical().bind(DenoiserContext(Data(x0), Cosine(), torch.device("cpu"), Path("unused")))


def _noisy(x0: Tensor, level: Level, m: int) -> Tensor:
    rows = torch.arange(m) % len(x0)
    return level.alpha * x0[rows] + level.sigma * torch.randn(m, x0.shape[1], generator=_draw(1))


def _roll() -> Tensor:
    angle = 1.5 * math.pi * (1 + 2 * torch.rand(N, generator=_draw()))
    roll = angle[:, None] * torch.stack([angle.cos(), angle.sin()], 1)
    return roll / roll.std() + 0.02 * torch.randn(N, 2, generator=_draw())


def _draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _peak() -> float:
    """Return the growth of a process's peak memory, in MiB."""
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import empirical; print(empirical._growth())"
    )
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def _growth() -> float:
    x0 = _roll()
    model = _model(x0)
    _model(x0[:200])(x0[:200], Level(1.0, 1.0, 0.1))
    before = _status("VmRSS")
    for sigma in SIGMAS:
        model(_noisy(x0, Level(1.0, 1.0, sigma), N), Level(1.0, 1.0, sigma))
    return (_status("VmHWM") - before) / 1024


def _status(key: str) -> int:
    """Return a figure of this process from /proc, in KiB; ``ru_maxrss`` would start at the parent's peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key))
