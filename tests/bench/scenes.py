"""The same pictures twice: as a noisereel scene, and as a notebook draws them with matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from noisereel.canvas.raster import RasterCanvas
from noisereel.film.composition import Film, compose, run_views
from noisereel.film.plan import film_frames
from noisereel.film.visits import shown_visits
from noisereel.registry.registry import load_registry
from noisereel.scene import parse_scene
from noisereel.simulation.data import load_all
from noisereel.simulation.plan import plan_runs
from noisereel.simulation.simulate import SimulationContext, simulate
from noisereel.simulation.store import TrajectoryStore

ROLL = """
dataset: swiss-roll
schedule: {linear: {steps: 200}}
sampler: forward
title: "Swiss roll   t = {t}"
panels: [{layers: [{points: {color: COLOR, size: 1.7, alpha: 0.5}}]}]
film: {frames: 200, hold: 0, ease: linear, time_bar: false}
"""

MANDRILL = """
dataset: mandrill
schedule: {linear: {steps: 200}}
sampler: forward
title: "Mandrill   t = {t}"
film: {frames: 200, hold: 0, ease: linear, time_bar: false, size: [640, 640]}
"""

FIELD = """
dataset: datasaurus
schedule: {linear: {steps: 50, beta_end: 0.05}}
denoiser: empirical
sampler: ddim
particles: 250
title: "t = {t}"
panels: [{layers: [{field: {density: 27}}, {trails: {length: 10}}, points]}]
film: {frames: 50, hold: 0, ease: linear, time_bar: false, size: [640, 640]}
"""


def scene(text: str, size: tuple[int, int] | None = None):
    """Parse a scene; return it with its registry."""
    registry = load_registry()
    if size:
        text = text.replace("time_bar: false", f"time_bar: false, size: [{size[0]}, {size[1]}]")
    return parse_scene(text, "bench", Path(), registry), registry


def film_of(text: str, size: tuple[int, int] | None = None) -> Film:
    """Simulate and compose a scene, ready to be drawn."""
    parsed, registry = scene(text, size)
    plans = plan_runs(parsed)
    frames = film_frames(parsed, plans)
    with TemporaryDirectory() as scratch:
        ctx = SimulationContext(registry, TrajectoryStore(None, Path(scratch)))
        shown = shown_visits(parsed, plans, frames)
        runs = simulate(parsed, plans, load_all(parsed, registry), shown, ctx)
        return compose(parsed, run_views(parsed, runs, shown), frames, registry)


def draw_all(film: Film) -> None:
    """Draw every frame of a film, and discard it."""
    canvas = RasterCanvas(film.figure)
    for index in range(len(film.frames)):
        canvas.draw(film.drawing(index))


@dataclass
class Notebook:
    """A figure and a function that changes it, saved with FuncAnimation."""

    frames: int
    build: Callable[[Figure], Callable[[int], object]]
    size: tuple[int, int]

    def save(self, path: str) -> None:
        """Save a GIF as a notebook does, with FuncAnimation and pillow."""
        figure = Figure(figsize=(self.size[0] / 100, self.size[1] / 100), dpi=100)
        update = self.build(figure)
        FuncAnimation(figure, update, frames=self.frames, init_func=lambda: None).save(
            path, writer=PillowWriter(fps=25)
        )

    def save_somewhere(self) -> None:
        """Save a GIF, and discard it."""
        with TemporaryDirectory() as folder:
            self.save(f"{folder}/theirs.gif")


def roll(points: Callable[[int], np.ndarray], hue: np.ndarray | None, size: tuple[int, int], frames: int) -> Notebook:
    """Return a notebook that draws points under a live title."""

    def build(figure: Figure) -> Callable[[int], object]:
        axes = figure.add_subplot(xlim=(-3.3, 3.3), ylim=(-3.3, 3.3), aspect="equal")
        colors: Mapping[str, object] = {} if hue is None else {"c": hue}
        cloud = axes.scatter(*points(0).T, s=6, alpha=0.5, **colors)

        def update(i: int) -> None:
            cloud.set_offsets(points(i))
            axes.set_title(f"Swiss roll   t = {i}")

        return update

    return Notebook(frames, build, size)


def picture(pixels: Callable[[int], np.ndarray], size: tuple[int, int], frames: int) -> Notebook:
    """Return a notebook that draws an image under a live title."""

    def build(figure: Figure) -> Callable[[int], object]:
        axes = figure.add_subplot()
        axes.axis("off")
        image = axes.imshow(pixels(0), cmap="gray", vmin=-1, vmax=1)

        def update(i: int) -> None:
            image.set_data(pixels(i))
            axes.set_title(f"Mandrill   t = {i}")

        return update

    return Notebook(frames, build, size)


def field(
    grid: np.ndarray, arrows: Callable[[int], np.ndarray], trails: Callable[[int], np.ndarray], size, frames: int
) -> Notebook:
    """Return a notebook that draws a vector field, fading trails and points, all of them anew for every frame."""

    def build(figure: Figure) -> Callable[[int], object]:
        axes = figure.add_subplot()

        def update(i: int) -> None:
            axes.clear()
            axes.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal", title=f"t = {i}")
            axes.quiver(*grid.T, *arrows(i).T, color="grey")
            paths = trails(i)
            lines = np.stack([paths[:-1], paths[1:]], axis=2).reshape(-1, 2, 2)
            fade = np.repeat(np.linspace(0, 0.6, max(1, len(paths) - 1)), paths.shape[1])
            axes.add_collection(LineCollection(lines, colors=[(0.2, 0.4, 0.8, a) for a in fade[: len(lines)]]))
            axes.scatter(*paths[-1].T, s=12)

        return update

    return Notebook(frames, build, size)
