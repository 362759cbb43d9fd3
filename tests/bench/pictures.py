"""Complete frames: with titles, curves and a time bar, against the same with ``FuncAnimation.save``."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np
from common import Row, compare
from matplotlib.figure import Figure
from scenes import Notebook, draw_all, film_of

from noisereel_builtins.renderers.shared.grid import Grid, spread_over

FEW = 6
"""Frames that the slow side draws at once; times are per frame on both sides."""

ROLL = """
dataset: swiss-roll
schedule: {linear: {steps: 200}}
sampler: forward
title: "Swiss roll   t = {t}"
panels:
  - {name: roll, layers: [{points: {color: hue, size: 1.7, alpha: 0.5}}]}
  - {name: curve, layers: [{curve: [signal, noise]}]}
layout: {areas: [roll curve], widths: [1.6, 1]}
film: {frames: 100, hold: 0, ease: linear, size: [WIDTH, HEIGHT]}
"""

SURFACE = """
dataset: {mixture: {preset: five}}
schedule: {linear: {steps: 100}}
sampler: forward
title: "t = {t}"
panels: [{layers: [{surface: {columns: 100}}]}]
film: {frames: 50, hold: 0, ease: linear, time_bar: false, size: [640, 640]}
"""

CONTOURS = """
dataset: {swiss-roll: {n: 10000}}
schedule: {linear: {steps: 100}}
sampler: forward
title: "t = {t}"
panels: [{layers: [contours]}]
film: {frames: 50, hold: 0, ease: linear, time_bar: false, size: [640, 640]}
"""

GRID = (
    """
dataset: {swiss-roll: {n: 1000}}
schedule: {linear: {steps: 100}}
sampler: forward
title: "t = {t}"
panels:
"""
    + 12 * "  - {title: 't = {t}', layers: [points]}\n"
    + """
layout: {columns: 4}
film: {frames: 50, hold: 0, ease: linear, time_bar: false, size: [1280, 960]}
"""
)


def rows() -> Iterator[Row]:
    """Time a roll with curves in two sizes, a surface, contours, a dozen panels, and ten million particles."""
    for size, target in (((640, 480), "25×"), ((1280, 720), "15×")):
        yield _complete_roll(size, target)
    yield _against("surface 100×100", SURFACE, _surface, (640, 640), "3×")
    yield _against(
        "contours of 10,000 particles, against gaussian_kde and contour", CONTOURS, _contours, (640, 640), "5×"
    )
    yield _against("3×4 panels of 1,000 points", GRID, _grid, (1280, 960), "12×")
    yield from _many_particles()


Build = Callable[[Callable[[int], np.ndarray]], Callable[[Figure], Callable[[int], object]]]


def _against(what: str, text: str, build: Build, size: tuple[int, int], target: str) -> Row:
    film = film_of(text)
    trajectory = next(iter(film.runs.values())).trajectory
    theirs = Notebook(FEW, build(lambda i: trajectory.series("x", i * 15)), size)
    a, b = compare(lambda: draw_all(film), theirs.save_somewhere, 3)
    return Row(what, a / len(film.frames), b / FEW, target, "per frame")


def _complete_roll(size: tuple[int, int], target: str) -> Row:
    text = ROLL.replace("WIDTH", str(size[0])).replace("HEIGHT", str(size[1]))
    trajectory = film_of(text).runs["run"].trajectory

    def build(points: Callable[[int], np.ndarray]) -> Callable[[Figure], Callable[[int], object]]:
        return lambda figure: _roll_and_curves(figure, points, trajectory.hue)

    return _against(f"swiss roll, time bar and curves, {size[0]}×{size[1]}", text, build, size, target)


def _roll_and_curves(figure: Figure, points: Callable[[int], np.ndarray], hue: np.ndarray) -> Callable[[int], object]:
    left, right = figure.subplots(1, 2, width_ratios=[1.6, 1])
    left.set(xlim=(-3.3, 3.3), ylim=(-3.3, 3.3), aspect="equal")
    cloud = left.scatter(*points(0).T, s=6, alpha=0.5, c=hue)
    signal = np.cumprod(1 - np.linspace(5e-4, 0.1, 200))
    right.plot(np.sqrt(signal), label="signal")
    right.plot(np.sqrt(1 - signal), label="noise")
    right.legend()
    cursor = right.axvline(0, color="grey")
    bar = figure.add_axes((0.1, 0.02, 0.8, 0.01), xlim=(0, 1), xticks=[], yticks=[])
    (done,) = bar.barh(0.5, 0, 1)

    def update(i: int) -> None:
        cloud.set_offsets(points(i))
        cursor.set_xdata([i, i])
        done.set_width(i / FEW)
        figure.suptitle(f"Swiss roll   t = {i}")

    return update


def _surface(points: Callable[[int], np.ndarray]) -> Callable[[Figure], Callable[[int], object]]:
    def build(figure: Figure) -> Callable[[int], object]:
        axes = figure.add_subplot(projection="3d")
        x, y = np.meshgrid(*[np.linspace(-4, 4, 100)] * 2)

        def update(i: int) -> None:
            axes.clear()
            z = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) * (1 + i)) for a, b in ((0, 0), (2, 2), (-2, 2)))
            axes.plot_surface(x, y, z, cmap="viridis", rcount=100, ccount=100)
            axes.set_title(f"t = {i}")

        return update

    return build


def _contours(points: Callable[[int], np.ndarray]) -> Callable[[Figure], Callable[[int], object]]:
    from scipy.stats import gaussian_kde

    def build(figure: Figure) -> Callable[[int], object]:
        axes = figure.add_subplot()
        x, y = np.meshgrid(*[np.linspace(-3, 3, 100)] * 2)

        def update(i: int) -> None:
            axes.clear()
            z = gaussian_kde(points(i).T)(np.stack([x.ravel(), y.ravel()])).reshape(x.shape)
            axes.contour(x, y, z, 5)
            axes.set_title(f"t = {i}")

        return update

    return build


def _grid(points: Callable[[int], np.ndarray]) -> Callable[[Figure], Callable[[int], object]]:
    def build(figure: Figure) -> Callable[[int], object]:
        panels = figure.subplots(3, 4, subplot_kw={"xlim": (-3.3, 3.3), "ylim": (-3.3, 3.3), "aspect": "equal"})
        clouds = [(axes, axes.scatter(*points(0).T, s=6)) for axes in panels.flat]

        def update(i: int) -> None:
            for axes, cloud in clouds:
                cloud.set_offsets(points(i))
                axes.set_title(f"t = {i}")

        return update

    return build


def _many_particles() -> Iterator[Row]:
    xy = np.random.default_rng(0).standard_normal((10_000_000, 2), np.float32)
    grid = Grid((-4.0, 4.0), (-4.0, 4.0), (180, 320))
    times = compare(
        lambda: spread_over(xy, grid, None),
        lambda: np.histogram2d(xy[:, 1], xy[:, 0], bins=grid.shape, range=(grid.y, grid.x)),
        3,
    )
    yield Row("density of 10,000,000 particles, against histogram2d", *times, "10×", "per frame")
    tracemalloc.start()
    spread_over(xy, grid, None)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    yield Row("… peak memory on top of the particles", peak, None, "≤ 64 MiB", unit="MiB")
