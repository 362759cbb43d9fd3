"""Traces: probes that follow a run through every visit once, in order, and whose values are cached."""

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

import numpy as np
import pytest
import torch

from noisereel.contracts.dataset import Data
from noisereel.contracts.probe import MeasureContext, Metric, Trace
from noisereel.contracts.renderer import RunView
from noisereel.contracts.schedule import BetaSchedule
from noisereel.contracts.state import State
from noisereel.contracts.trajectory import Arrays, Trajectory
from noisereel.simulation.measurements import Measurements
from noisereel.support.errors import PluginError


class Half(BetaSchedule):
    def betas(self):
        return np.full(9, 0.5)


class Sum(Trace, Metric):
    """The sum of all coordinates so far."""

    gives: ClassVar[tuple[str, ...]] = ("sum",)

    def follow(self, states: Iterable[State], ctx: MeasureContext) -> Iterator[Mapping[str, np.ndarray]]:
        total = 0.0
        for state in states:
            FOLLOWED.append(state.index)
            total += float(state.x.sum())
            yield {"sum": np.asarray(total)}


class Lazy(Sum):
    def follow(self, states: Iterable[State], ctx: MeasureContext) -> Iterator[Mapping[str, np.ndarray]]:
        yield {"sum": np.asarray(0.0)}


FOLLOWED: list[int] = []


def run_with(metric: Trace, kept: list[int], folder=None) -> tuple[RunView, Measurements]:
    """Return a run with a metric, of which these visits were kept."""
    x = np.asarray(kept, np.float32).reshape(-1, 1, 1)
    schedule, data = Half(), Data(torch.zeros(1, 1))
    trajectory = Trajectory(
        name="run",
        schedule=schedule,
        data=data,
        levels=[schedule.at(t) for t in range(10)],
        acts=[0] * 10,
        arrays=Arrays(np.array(kept), {"x": x}, {"x": np.ones(len(kept), bool)}, [0] * 10),
    )
    measurements = Measurements(trajectory, lambda index: MeasureContext(None, data, schedule), folder)
    return RunView(trajectory, measurements.value, (metric,), kept[1:]), measurements


def test_a_trace_sees_every_kept_visit_once_in_order(tmp_path) -> None:
    FOLLOWED.clear()
    run, measurements = run_with(Sum(), [0, 2, 3, 9], tmp_path)
    assert [run.scalars(index)["sum"] for index in (9, 3, 0, 2)] == [14, 5, 0, 2]
    assert FOLLOWED == [0, 2, 3, 9]
    measurements.save()
    reloaded, _ = run_with(Sum(), [0, 2, 3, 9], tmp_path)
    assert reloaded.scalars(3)["sum"] == 5
    assert FOLLOWED == [0, 2, 3, 9]


def test_measuring_a_single_state_starts_the_trace_there() -> None:
    state = State(4, 0, Half().at(4), torch.full((2, 1), 3.0))
    assert Sum().measure(state, MeasureContext(None, Data(torch.zeros(1, 1)), Half())) == {"sum": 6.0}


def test_a_trace_that_skips_visits_is_named() -> None:
    with pytest.raises(PluginError) as error:
        run_with(Lazy(), [0, 1])[0].scalars(1)
    assert str(error.value) == "metric Lazy (run 'run', t = 1): gave values for 1 of 2 visits"
