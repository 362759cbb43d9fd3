"""Shared by all tests: one thread per worker, the device under test, and simulated runs of the gallery's scenes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import torch

    from noisereel.contracts.renderer import RunView

sys.path.insert(0, str(Path(__file__).parent))  # for shared helpers

if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores; this must be set before anything loads an OpenMP library.
    os.environ["OMP_NUM_THREADS"] = "1"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", default="cpu", help="device that tests with a `device` fixture run on (default: cpu)")
    parser.addoption("--update-golden", action="store_true", help="save the drawn frames as the new golden frames")


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> torch.device:
    """Return the torch device under test; skip if this machine lacks it."""
    import torch

    chosen = torch.device(request.config.getoption("--device"))
    if chosen.type == "cuda" and not torch.cuda.is_available():
        pytest.skip("this machine has no CUDA device")
    return chosen


@pytest.fixture
def runs_of(tmp_path: Path) -> Callable[..., dict[str, RunView]]:
    """Return a function that simulates the runs of a scene in memory, as for its film.

    Keywords set values in the scene, with double underscores instead of dots. Trained weights are kept in ``cache``, if
    given.
    """
    from noisereel.registry import load_registry
    from noisereel.scene import Override, load_scene
    from simulating import context, simulated

    def simulate_scene(name: str, cache: Path | None = None, **settings: Any) -> dict[str, RunView]:
        registry = load_registry()
        overrides = [Override("--set", path.replace("__", "."), str(value)) for path, value in settings.items()]
        return simulated(load_scene(name, registry, overrides), context(registry, tmp_path, cache))

    return simulate_scene
