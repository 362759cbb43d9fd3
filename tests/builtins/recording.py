"""Records made by hand, for tests of layers: what a run would have visited, where, and what is drawn of it."""

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch

from noisereel.dataset import Data
from noisereel.figure import Look, Rect, View
from noisereel.probe import Measure, Metric, State
from noisereel.record import Arrays, Record
from noisereel.renderer import Moment
from noisereel.schedule import BetaSchedule
from noisereel.subject import Subject
from noisereel.theme import THEMES

DARK, LIGHT = THEMES["dark"], THEMES["light"]
CLOUD = np.array([[[0, 0], [1, 1]], [[0, 0.5], [1, 0.5]], [[-1, 1], [1, 0]]])


class Constant(BetaSchedule):
    def betas(self):
        return np.full(4, 0.5)


SCHEDULE = Constant()


class Spread(Metric):
    gives: ClassVar[tuple[str, ...]] = ("spread",)
    unit: ClassVar[str] = "m"

    def measure(self, state: State, ctx: Measure) -> Mapping[str, np.ndarray]:
        return {"spread": state.x.abs().amax().numpy()}

    def reference(self, particles: int, event: tuple[int, ...]) -> Mapping[str, float]:
        return {"limit": 9.0}


def look(x=(-2.0, 2.0), y=(-1.0, 1.0), size=(640, 320), theme=DARK) -> Look:
    return Look(View(Rect(0, 0, *size), x, y, 1.0), theme)


def record(
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
    bind=None,
    **series,
) -> Record:
    """A run with x, and other series, of shape (visits, particles, *event); x0 at all visits but the last."""
    x = np.asarray(x, np.float32)
    visits = len(x)
    arrays = {"x": x} | {of: np.asarray(array, np.float32) for of, array in series.items()}
    there = {of: np.ones(visits, bool) for of in arrays}
    if "x0" in there:
        there["x0"][-1] = False
    if "noise" in there:
        there["noise"][0] = False
    x0 = torch.from_numpy(np.asarray(x[0] if data is None else data, np.float32))
    known = Data(x0, density=density, labels=None if labels is None else torch.tensor(labels))
    return Record(
        name=name,
        schedule=SCHEDULE,
        data=known,
        metrics=metrics,
        levels=[SCHEDULE.at(t) for t in (range(visits) if times is None else times)],
        acts=[0] * visits,
        shown=range(visits) if shown is None else shown,
        origin=None if origin is None else np.asarray(origin),
        hue=None if hue is None else np.asarray(hue, np.float32),
        arrays=Arrays(np.arange(visits), arrays, there, [0] * visits),
        measure=lambda step: Measure(model, known, SCHEDULE, bind),
    )


def at(rec: Record, step: int, **more) -> Moment:
    return Moment(step, rec.levels[step], step / max(1, len(rec) - 1), **more)


def drawn(renderer, rec, step, view=None, **more):
    return list(renderer.marks(rec, at(rec, step, **more), view or look()))


def subject(*event: int, name="run", visits=5, particles=4, labels=False, density=None, **more) -> Subject:
    """A run before it is simulated, of so many particles of this event shape."""
    marked = torch.zeros(particles, dtype=torch.int64) if labels else None
    data = Data(torch.zeros(particles, *event), labels=marked, density=density)
    return Subject(name, data, [SCHEDULE.at(min(t, 4)) for t in range(visits)], particles, **more)


def normal(x, level):
    """The density of N(0, I) in any number of dimensions."""
    return torch.exp(-(x**2).sum(1) / 2) / (2 * math.pi) ** (x.shape[1] / 2)


def to_origin(x, level, labels=None):
    """A denoiser whose data are all at the origin."""
    return torch.zeros_like(x)
