"""The Python API: importing it, and simulating beyond the steps themselves."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator

from common import Row, compare

import noisereel as nr
from noisereel.simulation.data import load_all
from noisereel.simulation.plan import plan_runs
from noisereel.simulation.simulate import SimulationContext, bound_runs
from noisereel.simulation.store import TrajectoryStore
from noisereel.support.files import Scratch


def rows() -> Iterator[Row]:
    """Time importing against bare Python, and `simulate` against the timestep loop alone and against the cache."""

    def python(code: str) -> None:
        subprocess.run([sys.executable, "-c", code], check=True)

    imported, bare = compare(lambda: python("import noisereel"), lambda: python("pass"), 15)
    yield Row("`import noisereel`, beyond bare Python", 1e3 * (imported - bare), None, "≤ 40 ms", unit="ms")
    scene = nr.Scene(dataset="two-moons", schedule={"cosine": {"steps": 20}}, sampler="forward", particles=500)
    whole, steps = compare(lambda: nr.simulate(scene, cache=False), _steps(scene), 25)
    yield Row(
        "`simulate` of 20 steps of 500 points, beyond its steps", 1e3 * (whole - steps), None, "≤ 20 ms", unit="ms"
    )
    with tempfile.TemporaryDirectory() as folder:
        found, _ = compare(lambda: nr.simulate(scene, cache=folder), lambda: None, 25)
    yield Row("… found in the cache", 1e3 * found, None, "≤ 20 ms", unit="ms")


def _steps(scene: nr.Scene) -> Callable[[], object]:
    """Return a function that takes the steps of the scene's only run."""
    registry = scene.document.registry
    ctx = SimulationContext(registry, TrajectoryStore(None, Scratch().folder))
    (run,) = bound_runs(scene, plan_runs(scene), load_all(scene, registry), {}, ctx)
    return lambda: [None for _ in run.states()]
