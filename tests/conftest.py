"""What all tests share: one thread for each worker, the device that is tested on, records of the gallery's scenes."""

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

sys.path.insert(0, str(Path(__file__).parent))  # for what tests share

if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores; this must be said before anything loads an OpenMP library.
    os.environ["OMP_NUM_THREADS"] = "1"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", default="cpu", help="device that tests with a `device` fixture run on (default: cpu)")
    parser.addoption("--update-golden", action="store_true", help="take what is drawn as the new golden frames")


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> torch.device:
    """The torch device under test; skips where this machine lacks it."""
    import torch

    wanted = torch.device(request.config.getoption("--device"))
    if wanted.type == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    return wanted


@pytest.fixture
def records(tmp_path: Path) -> Callable[..., dict[str, RunView]]:
    """The runs of a scene, simulated in memory as for its film.

    Values of the scene are set by keywords, double underscores in the place of dots. What is trained is kept in
    ``cache``, if that is given.
    """
    from noisereel.registry import load_registry
    from noisereel.scene import Override, load_scene
    from simulating import context, simulated

    def go(name: str, cache: Path | None = None, **settings: Any) -> dict[str, RunView]:
        registry = load_registry()
        given = [Override("--set", path.replace("__", "."), str(value)) for path, value in settings.items()]
        return simulated(load_scene(name, registry, given), context(registry, tmp_path, cache))

    return go
