"""Training, and sampling with the trained model: against the way a notebook does it."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from common import Row, compare
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from noisereel.contracts.dataset import Data, LoadContext
from noisereel.contracts.denoiser import DenoiserContext, Model, TrainingContext
from noisereel.contracts.probe import MeasureContext
from noisereel.contracts.schedule import Level, posterior
from noisereel.contracts.state import State
from noisereel.support.noise import LoadDraw
from noisereel.support.threads import threads
from noisereel_builtins.datasets.shapes.datasaurus import Datasaurus
from noisereel_builtins.denoisers.mlp import Mlp
from noisereel_builtins.metrics.distances.energy_distance import EnergyDistance
from noisereel_builtins.schedules.linear import Linear

T = 50
SCHEDULE = Linear(steps=T, beta_start=1e-4, beta_end=0.05)
OURS = Mlp(predicts="eps", input="fourier", time="fourier", steps=300, ema=0.97, learning_rate=4e-3)
EPOCHS, COPIES, BATCH, RATE = 200, 6, 32, 4e-4
POINTS = 10_000


def rows() -> Iterator[Row]:
    """Time training to the same quality, a sampling step and a whole scene; measure memory."""
    data = Datasaurus().load(LoadContext(Path(), LoadDraw(0)))
    for count, target in ((torch.get_num_threads(), "8×"), (1, "4×")):
        with threads(count):
            yield _to_quality(data, count, target)
            yield _sampling(data, count)
    yield from _scene()
    yield Row("memory while training on 10⁶ points, above the data", _peak(), None, "≤ 200 MiB", unit="MiB")


def _to_quality(data: Data, count: int, target: str) -> Row:
    ours, theirs = compare(lambda: _trained(data), lambda: _notebook(data.x0), 3)
    a, b = (_quality(model, data) for model in (_trained(data), _model_of(_notebook(data.x0))))
    what = f"an MLP to the energy distance of {EPOCHS} epochs with a DataLoader, threads: {count}"
    return Row(what, ours, theirs, target, f"energy distance {a:.4f}, theirs {b:.4f}")


def _trained(data: Data) -> Model:
    with TemporaryDirectory() as cache:
        training = TrainingContext(cache=Path(cache))
        return OURS.bind(DenoiserContext(data, SCHEDULE, torch.device("cpu"), training=training))


class _Perceptron(nn.Module):
    """A notebook's network: waves of each coordinate and of time, concatenated, then residual layers."""

    def __init__(self, width: int = 128, waves: int = 128) -> None:
        super().__init__()
        self.of_x, self.of_y = (nn.Parameter(25 * torch.randn(waves // 4, 1), requires_grad=False) for _ in range(2))
        self.of_t = nn.Parameter(torch.randn(waves // 2, 1), requires_grad=False)
        self.first = nn.Linear(2 * waves, width)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(3))
        self.last = nn.Linear(width, 2)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        parts = (self.of_x, x[:, 0]), (self.of_y, x[:, 1]), (self.of_t, t / T - 0.5)
        phases = [(frequencies @ values[None]).T for frequencies, values in parts]
        h = nn.functional.gelu(self.first(torch.cat([f(p) for p in phases for f in (torch.sin, torch.cos)], dim=1)))
        for layer in self.layers:
            h = h + nn.functional.gelu(layer(h))
        return self.last(h)


def _notebook(x0: Tensor) -> _Perceptron:
    """Train for `EPOCHS` with a shuffling DataLoader and small batches; evaluate the held-out loss after each epoch."""
    torch.manual_seed(0)
    alpha_bar = torch.tensor([SCHEDULE.at(t + 1.0).alpha ** 2 for t in range(T)]).float()[:, None]
    points = x0.repeat(COPIES, 1)[torch.randperm(COPIES * len(x0))]
    split = len(points) * 9 // 10
    train = DataLoader(TensorDataset(points[:split]), BATCH, shuffle=True)
    test = DataLoader(TensorDataset(points[split:]), BATCH)
    network = _Perceptron()
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE)

    def loss(clean: Tensor) -> Tensor:
        t, eps = torch.randint(T, (len(clean),)), torch.randn_like(clean)
        noisy = alpha_bar[t].sqrt() * clean + (1 - alpha_bar[t]).sqrt() * eps
        return nn.functional.mse_loss(network(noisy, t), eps)

    for _ in range(EPOCHS):
        for (batch,) in train:
            loss(batch).backward()
            optimizer.step()
            optimizer.zero_grad()
        with torch.no_grad():
            sum(loss(batch).item() for (batch,) in test)
    return network


def _model_of(network: _Perceptron) -> Model:
    def model(x: Tensor, level: Level) -> Tensor:
        eps = network(x, torch.full((len(x),), int(level.t) - 1))
        return (x - level.sigma * eps) / level.alpha

    return model


@torch.no_grad()
def _quality(model: Model, data: Data) -> float:
    """Return the energy distance between the data and 4,000 samples drawn with DDPM's steps."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(4000, 2, generator=generator)
    for t in range(T, 0, -1):
        q, level = posterior(SCHEDULE.at(t - 1.0), SCHEDULE.at(float(t))), SCHEDULE.at(float(t))
        x = q.on_x * x + q.on_x0 * model(x, level) + math.sqrt(q.variance) * torch.randn(x.shape, generator=generator)
    state = State(0, 0, SCHEDULE.at(0.0), x)
    return float(EnergyDistance().measure(state, MeasureContext(None, data, SCHEDULE))["energy_distance"])


def _sampling(data: Data, count: int) -> Row:
    model, network = _trained(data), _Perceptron()
    x, levels = torch.randn(POINTS, 2), [SCHEDULE.at(float(t)) for t in range(1, T + 1)]

    @torch.no_grad()
    def sample_ours() -> None:
        for level in levels:
            model(x, level)

    @torch.no_grad()
    def sample_theirs() -> None:
        for t in range(T):
            network(x, torch.full((POINTS,), t))

    ours, theirs = compare(sample_ours, sample_theirs, 7)
    return Row(f"a sampling step with a trained MLP, {POINTS:,} points, threads: {count}", ours / T, theirs / T, "2×")


BARE = """
import time, torch
from pathlib import Path
from noisereel.contracts.dataset import LoadContext
from noisereel.contracts.denoiser import DenoiserContext
from noisereel.learning import Training
from noisereel.support.noise import LoadDraw
from noisereel_builtins.datasets.images.digits import Digits
from noisereel_builtins.denoisers.unet import Unet
from noisereel_builtins.schedules.cosine import Cosine

net = Unet(labelled=True, steps=600, learning_rate=3e-3)
ctx = DenoiserContext(Digits().load(LoadContext(Path(), LoadDraw(0))), Cosine(steps=100), torch.device("cpu"))
batches = net._examples(ctx).steps(0)
ready = [next(batches) for _ in range(net.steps)]
parts = net._thread_plan(ctx).parts
training = Training(net._new_network(ctx), net, lambda first: iter(ready), net.loss, parts=parts)
begin, cpu = time.perf_counter(), time.process_time()
for batch in ready:
    training._take(batch)
print(time.perf_counter() - begin, time.process_time() - cpu)
"""


def _scene() -> Iterator[Row]:
    """Compare a scene with its optimiser steps alone, timed before and after it because machines vary in speed.

    Processor time varies less than wall-clock time.
    """
    with TemporaryDirectory() as folder:
        before, first, after, again = _bare(), _render(folder), _bare(), _render(folder)
    bare = (before + after) / 2
    overhead, busy = 100 * (first / bare - 1)
    note = f"{first[0]:.1f} s in all, optimiser steps {bare[0]:.1f} s; by processor time {busy:.0f} %"
    what = "`digits-reverse` from scratch to a film, overhead over the optimiser steps"
    yield Row(what, overhead, None, "≤ 15 %", note, "%")
    share, busy = 100 * again / first
    note = f"{again[0]:.1f} s; by processor time {busy:.0f} %"
    yield Row("… the second time, as a share of the first", share, None, "≤ 1/8", note, "%")


def _bare() -> NDArray[np.float64]:
    """Return the seconds of the optimiser steps alone, examples excluded: wall-clock and processor time."""
    return np.array(_child(BARE).split(), float)


def _render(folder: str) -> NDArray[np.float64]:
    """Return the seconds of a whole render from the command line: wall-clock and processor time."""
    words = ["-m", "noisereel", "render", "digits-reverse", "-o", f"{folder}/film.mp4"]
    environment = {**os.environ, "NOISEREEL_CACHE": f"{folder}/cache"}
    begin, busy = time.perf_counter(), _child_cpu_time()
    subprocess.run([sys.executable, *words], env=environment, check=True, capture_output=True)
    return np.array([time.perf_counter() - begin, _child_cpu_time() - busy])


def _child_cpu_time() -> float:
    """Return the processor time of finished child processes, in seconds."""
    times = os.times()
    return times.children_user + times.children_system


GROWTH = """
import sys, torch
from pathlib import Path
from noisereel.contracts.dataset import Data
from noisereel.contracts.denoiser import DenoiserContext, TrainingContext
from noisereel_builtins.denoisers.mlp import Mlp
from noisereel_builtins.schedules.linear import Linear

def resident(what):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024

before = resident("VmRSS:")
data = Data(torch.randn(1_000_000, 2))
training = TrainingContext(cache=Path(sys.argv[1]))
Mlp(steps=300).bind(DenoiserContext(data, Linear(), torch.device("cpu"), training=training))
print(resident("VmHWM:") - before - 8e6 / 2**20)
"""


def _peak() -> float:
    with TemporaryDirectory() as cache:
        return float(_child(GROWTH, cache))


def _child(code: str, *words: str) -> str:
    """Return what code prints in a process of its own."""
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True).stdout
