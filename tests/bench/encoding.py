"""Whole films: GIF against FuncAnimation with pillow, GIF and MP4 against their encoders alone."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from common import Row, compare
from scenes import ROLL, film_of, roll, scene

from noisereel.api import render
from noisereel.canvas.raster import RasterCanvas
from noisereel.contracts.writer import Frame, WriterContext
from noisereel_builtins.writers.gif import _encoder, _indexed_frame
from noisereel_builtins.writers.palette import Indexer, Palette

FEW = 12


def rows() -> Iterator[Row]:
    """Time both formats in two sizes."""
    for size, target in (((640, 480), "25×"), ((1280, 720), "18×")):
        yield _gif(size, target)
    for size in ((640, 480), (1280, 720)):
        yield _gif_share(size, "55 %")
    for size, target in (((640, 480), "70 %"), ((1280, 720), "80 %")):
        yield _mp4(size, target)


def _render(size: tuple[int, int], path: str) -> None:
    parsed, registry = scene(ROLL.replace("COLOR", "blue"), size)
    render(parsed, path, device="cpu", cache=False, registry=registry)


def _gif(size: tuple[int, int], target: str) -> Row:
    trajectory = film_of(ROLL.replace("COLOR", "blue"), size).runs["run"].trajectory

    def theirs(folder: str) -> None:
        rng, x = np.random.default_rng(0), trajectory.series("x", 0)
        beta, states = np.linspace(5e-4, 0.1, 200), []
        for i in range(FEW):  # one step per frame, as for all 200
            x = np.sqrt(1 - beta[i]) * x + np.sqrt(beta[i]) * rng.standard_normal(x.shape)
            states.append(x)
        roll(lambda i: states[i], None, size, FEW).save(f"{folder}/theirs.gif")

    with TemporaryDirectory() as folder:
        a, b = compare(lambda: _render(size, f"{folder}/ours.gif"), lambda: theirs(folder), 3)
    what = f"… to GIF, simulated, one colour, {size[0]}×{size[1]}"
    return Row(what, a / 200, b / FEW, target, "per frame")


def _gif_share(size: tuple[int, int], target: str) -> Row:
    film = film_of(ROLL.replace("COLOR", "blue"), size)
    canvas = RasterCanvas(film.figure)
    drawn = [canvas.draw(film.drawing(i)) for i in range(len(film.frames))]
    indexer = Indexer(Palette.of(drawn[::20], 255))
    ready = [_indexed_frame(pixels, indexer) for pixels in drawn]

    def encode() -> None:
        encoder = _encoder(size)
        for i, picture in enumerate(ready):
            picture.pts = i
            encoder.encode(picture)

    with TemporaryDirectory() as folder:
        a, b = compare(lambda: _render(size, f"{folder}/ours.gif"), encode, 3)
    what = f"… to GIF, simulated, as a share of the encoder's own speed on indexed frames, {size[0]}×{size[1]}"
    return Row(what, a / 200, b / 200, target, "per frame")


def _mp4(size: tuple[int, int], target: str) -> Row:
    film = film_of(ROLL.replace("COLOR", "blue"), size)
    registry = scene(ROLL.replace("COLOR", "blue"))[1]
    canvas = RasterCanvas(film.figure)
    ready = [canvas.draw(film.drawing(i)) for i in range(len(film.frames))]
    writer = registry.get("writer", "mp4")()

    def encoder(folder: str) -> None:
        ctx = WriterContext(Path(folder) / "ready.mp4", size, Fraction(25))
        with writer.open(ctx) as sink:
            for i, pixels in enumerate(ready):
                sink.write(Frame(i, Fraction(1, 25), pixels))

    with TemporaryDirectory() as folder:
        a, b = compare(lambda: _render(size, f"{folder}/ours.mp4"), lambda: encoder(folder), 3)
    what = f"… to MP4 (x264 veryfast), simulated, as a share of the encoder's own speed, {size[0]}×{size[1]}"
    return Row(what, a / 200, b / 200, target, "per frame")
