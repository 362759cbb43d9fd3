"""Damage files of a cache: the next render must give the same film, without an error, and repair the cache."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from itertools import count as numbers, islice
from pathlib import Path
from random import Random
from unittest.mock import patch

from .damage import DAMAGE

__all__ = ["SCENES", "Cached", "faults"]

_FILM = """\
schedule: {linear: {steps: 10}}
particles: 40
metrics: [std]
panels: [{title: "{std:.3f}"}]
film: {frames: 4, fps: 20, hold: 0, size: [96, 72]}
"""

SCENES = {
    "run": "dataset: {swiss-roll: {n: 60}}\ndenoiser: empirical\nsampler: ddpm\n" + _FILM,
    "mapped": "dataset: {swiss-roll: {n: 60}}\ndenoiser: empirical\nsampler: ddpm\n" + _FILM,
    "network": "dataset: {two-moons: {n: 100}}\ndenoiser: {mlp: {width: 8, depth: 1, steps: 20}}\nsampler: ddim\n"
    + _FILM,
    "training": "dataset: {two-moons: {n: 100}}\ndenoiser: {mlp: {width: 8, depth: 1, steps: 20}}\nsampler: ddim\n"
    "training: {snapshots: 3}\n" + _FILM,
}
"""Scenes whose caches are damaged; the arrays of "mapped" count as too large for memory."""


class Cached:
    """A rendered scene with its cache.

    Args:
        name: Its name in `SCENES`.
        folder: An empty folder to work in.
    """

    def __init__(self, name: str, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.name, self._folder, self._cache, self._whole = name, folder, folder / "cache", folder / "whole"
        (folder / "scene.yaml").write_text(SCENES[name])
        code, err = self._render()
        assert (code, err) == (0, ""), err
        self._film = (folder / "a.gif").read_bytes()
        shutil.copytree(self._cache, self._whole)

    @property
    def files(self) -> list[str]:
        """The files of its cache, by path; simulated runs are dropped, else damaged networks are not needed."""
        return sorted(str(path.relative_to(self._whole)) for path in self._whole.rglob("*") if path.is_file())

    def fault(self, file: str, damage: str, seed: int) -> str | None:
        """Damage a file and render again, twice; returns what is wrong, or None."""
        case = f"{self.name}, {file}, {damage}, seed {seed}"
        shutil.rmtree(self._cache, ignore_errors=True)
        shutil.copytree(self._whole, self._cache)
        if file.startswith("denoisers"):
            shutil.rmtree(self._cache / "runs")
        DAMAGE[damage](self._cache / file, Random(seed))
        for attempt in ("the next render", "the one after it"):
            code, err = self._render()
            if code != 0 or "Traceback" in err:
                return f"{case}: {attempt} ends with {code}: {err}"
            if (self._folder / "a.gif").read_bytes() != self._film:
                return f"{case}: {attempt} gives another film"
        return f"{case}: the cache was not repaired: {err}" if err else None

    def _render(self) -> tuple[int, str]:
        """Render in this process; returns the exit code and the messages."""
        from noisereel.cli.main import main

        budget = 100 if self.name == "mapped" else 64 * 2**20
        arguments = ["render", str(self._folder / "scene.yaml"), "-o", str(self._folder / "a.gif"), "-j", "1"]
        with (
            patch.dict("os.environ", NOISEREEL_CACHE=str(self._cache)),
            patch("noisereel.simulation.store.MEMORY_BUDGET", budget),
            patch("noisereel.simulation.recording.MEMORY_BUDGET", budget),
            redirect_stdout(StringIO()),
            redirect_stderr(StringIO()) as err,
        ):
            try:
                main(arguments)
            except SystemExit as end:
                return int(end.code or 0), err.getvalue()
            except Exception as error:
                return 1, f"Traceback: {type(error).__name__}: {error}"
        return 1, "did not end"


def faults(seed: int, count: int, folder: Path) -> Iterator[str | None]:
    """Yield the outcome of every file with every damage, then of random ones; at least all of them once."""
    random = Random(seed)
    cached = [Cached(name, folder / name) for name in SCENES]
    every = [(entry, file, damage) for entry in cached for file in entry.files for damage in DAMAGE]
    more = (random.choice(every) for _ in numbers())
    for entry, file, damage in [*every, *islice(more, max(0, count - len(every)))]:
        yield entry.fault(file, damage, random.randrange(2**32))
