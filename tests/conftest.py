"""What all tests share: one thread for each worker, the device that is tested on, records of the gallery's scenes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import torch

    from noisereel.record import Record

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
def records(tmp_path: Path) -> Callable[..., dict[str, Record]]:
    """The records of a scene's runs, simulated in memory as for its film.

    Values of the scene are set by keywords, double underscores in the place of dots. What is trained is kept in
    ``cache``, if that is given.
    """
    from noisereel.film import film_ticks
    from noisereel.options import Options
    from noisereel.progress import Progress
    from noisereel.recorder import Shelf
    from noisereel.registry import load_registry
    from noisereel.scene import Override, load_scene
    from noisereel.simulation import plans_of, shown_visits, simulate

    def go(name: str, cache: Path | None = None, **settings: Any) -> dict[str, Record]:
        registry = load_registry()
        given = [Override("--set", path.replace("__", "."), str(value)) for path, value in settings.items()]
        scene = load_scene(name, registry, given)
        plans = plans_of(scene)
        shown, quiet = shown_visits(scene, plans, film_ticks(scene, plans)), Progress(quiet=True)
        return simulate(scene, plans, shown, Options(cache=cache), Shelf(None, tmp_path), registry, quiet)[0]

    return go
