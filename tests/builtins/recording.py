"""Hand-made runs for tests of layers, and the marks that layers draw of them."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np
import torch

from noisereel.contracts.dataset import Data
from noisereel.contracts.geometry import Rect, View
from noisereel.contracts.probe import MeasureContext, Metric
from noisereel.contracts.renderer import Moment, RenderContext, RunView
from noisereel.contracts.run_info import RunInfo
from noisereel.contracts.schedule import BetaSchedule
from noisereel.contracts.state import State
from noisereel.contracts.theme import THEMES
from noisereel.contracts.trajectory import Arrays, Trajectory
from noisereel.simulation.measurements import Measurements

DARK, LIGHT = THEMES["dark"], THEMES["light"]
CLOUD = np.array([[[0, 0], [1, 1]], [[0, 0.5], [1, 0.5]], [[-1, 1], [1, 0]]])


class Constant(BetaSchedule):
    def betas(self):
        return np.full(4, 0.5)


SCHEDULE = Constant()


class Spread(Metric):
    gives: ClassVar[tuple[str, ...]] = ("spread",)
    unit: ClassVar[str] = "m"

    def measure(self, state: State, ctx: MeasureContext) -> Mapping[str, np.ndarray]:
        return {"spread": state.x.abs().amax().numpy()}

    def reference(self, particles: int, event_shape: tuple[int, ...]) -> Mapping[str, float]:
        return {"limit": 9.0}


def panel_ctx(x=(-2.0, 2.0), y=(-1.0, 1.0), size=(640, 320), theme=DARK) -> RenderContext:
    return RenderContext(View(Rect(0, 0, *size), x, y, 1.0), theme)


def run_view(
    x,
    *,
    name="run",
    hue=None,
    metrics=(),
    density=None,
    model=None,
    times=None,
    shown=None,
    origin=None,
    data=None,
    labels=None,
    context=None,
    schedule=SCHEDULE,
    training=None,
    **series,
) -> RunView:
    """Return a run with x and other series, shape (visits, particles, *event); x0 exists at all visits but the last."""
    x = np.asarray(x, np.float32)
    visits = len(x)
    arrays = {"x": x} | {name: np.asarray(array, np.float32) for name, array in series.items()}
    present = {name: np.ones(visits, bool) for name in arrays}
    if "x0" in present:
        present["x0"][-1] = False
    if "noise" in present:
        present["noise"][0] = False
    x0 = torch.from_numpy(np.asarray(x[0] if data is None else data, np.float32))
    data = Data(x0, density=density, labels=None if labels is None else torch.tensor(labels))
    trajectory = Trajectory(
        name=name,
        schedule=schedule,
        data=data,
        levels=[SCHEDULE.at(t) for t in (range(visits) if times is None else times)],
        acts=[0] * visits,
        arrays=Arrays(np.arange(visits), arrays, present, [0] * visits),
        origin=None if origin is None else np.asarray(origin),
        hue=None if hue is None else np.asarray(hue, np.float32),
        training=training,
    )
    measurements = Measurements(trajectory, lambda index: MeasureContext(model, data, schedule, context))
    return RunView(trajectory, measurements.value, metrics, range(visits) if shown is None else shown)


def together(*runs: RunView) -> list[RunView]:
    """Return the same runs as parts of one film, each knowing the others."""
    views: dict[str, RunView] = {}
    for run in runs:
        views[run.trajectory.name] = replace(run, runs=views)
    return [*views.values()]


def moment_at(run: RunView, index: int, **more) -> Moment:
    return Moment(index, run.trajectory.levels[index], index / max(1, len(run.trajectory) - 1), **more)


def marks_of(renderer, run, index, ctx=None, **more):
    return list(renderer.marks(run, moment_at(run, index, **more), ctx or panel_ctx()))


def run_info(*event_shape: int, name="run", visits=5, particles=4, labels=False, density=None, **more) -> RunInfo:
    """Return the description of a run before it is simulated."""
    classes = torch.zeros(particles, dtype=torch.int64) if labels else None
    data = Data(torch.zeros(particles, *event_shape), labels=classes, density=density)
    levels = [SCHEDULE.at(min(t, 4)) for t in range(visits)]
    return RunInfo(name=name, data=data, levels=levels, particles=particles, **more)


def normal(x, level):
    """Return the density of N(0, I), in any number of dimensions."""
    return torch.exp(-(x**2).sum(1) / 2) / (2 * math.pi) ** (x.shape[1] / 2)


def to_origin(x, level, labels=None):
    """Estimate x_0 for data that are all at the origin."""
    return torch.zeros_like(x)
