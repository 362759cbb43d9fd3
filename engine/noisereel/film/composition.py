"""Composition: a figure from simulated runs and a scene's panels, and a drawing for each frame of the film."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..contracts.calls import call
from ..contracts.figure import Drawing, Figure, Panel
from ..contracts.guides import Colorbar, Guide, Legend
from ..contracts.marks import Mark
from ..contracts.renderer import Moment, RenderContext, Renderer, RunView
from ..layout import Grid, PanelPlan, lay_out
from ..support.errors import plugin_errors
from .panels import panel_layers, panel_plans, placed_at_size
from .text import FilmText, film_text, shown_indices

if TYPE_CHECKING:
    from ..registry import Registry
    from ..scene import SceneSpec
    from ..simulation.simulate import SimulatedRun
    from .timeline import FrameSpec

__all__ = ["Film", "compose", "run_views"]


@dataclass(frozen=True, slots=True)
class Film:
    """A film ready to be drawn: its static figure, and the content of each frame.

    Attributes:
        scene: The scene it shows.
        runs: Views of the simulated runs.
        layers: The renderers of each panel.
        figure: Everything that does not change from frame to frame.
        frames: Its frames.
        words: For each frame, the text of each live slot.
    """

    scene: SceneSpec
    runs: Mapping[str, RunView]
    layers: tuple[tuple[Renderer, ...], ...]
    figure: Figure
    frames: tuple[FrameSpec, ...]
    words: tuple[tuple[str, ...], ...]

    def doubled(self, registry: Registry) -> Film:
        """Return the same film at twice the size."""
        width, height = self.scene.film.size
        film = self.scene.film.model_copy(update={"size": (2 * width, 2 * height)})
        scene = self.scene.model_copy(update={"film": film})
        return compose(scene, self.runs, self.frames, registry, transparent=self.figure.transparent)

    def drawing(self, index: int) -> Drawing:
        """Return the content of a frame."""
        frame = self.frames[index]
        marks = tuple(self._marks(i, frame) for i in range(len(self.layers)))
        return Drawing(self.figure, marks, self.words[index], self._progress(frame))

    def _marks(self, i: int, frame: FrameSpec) -> tuple[Mark, ...]:
        spec, panel, film = self.scene.panels[i], self.figure.panels[i], self.scene.film
        run, indices = self.runs[spec.run], shown_indices(spec, self.runs, frame)
        index = indices[spec.run]
        moment = Moment(index, run.trajectory.levels[index], frame.fraction, indices, film.frames / float(film.rate))
        ctx = RenderContext(panel.view, panel.theme)
        marks: list[Mark] = []
        for layer in self.layers[i]:
            with plugin_errors(f"renderer {type(layer).__name__} (marks, frame {frame.index})"):
                marks += _checked(layer.marks(run, moment, ctx))
        return tuple(marks)

    def _progress(self, frame: FrameSpec) -> float:
        """Return the filled share of the time bar: the fraction of time passed, or of visits if time turns round."""
        name = self.scene.lead.run
        times, index = [*self.runs[name].trajectory.times], frame.indices[name]
        if times != sorted(times) and times != sorted(times, reverse=True):
            return index / max(1, len(times) - 1)
        span = times[-1] - times[0]
        return (times[index] - times[0]) / span if span else 1.0


def run_views(
    scene: SceneSpec, simulated: Mapping[str, SimulatedRun], shown: Mapping[str, Sequence[int]]
) -> dict[str, RunView]:
    """Return the runs as layers see them; each view gives access to the others.

    Args:
        scene: The scene.
        simulated: Its simulated runs.
        shown: The visits of each run that the film shows, ascending.
    """
    views: dict[str, RunView] = {}
    for name, run in simulated.items():
        metrics = scene.runs[name].metrics
        views[name] = RunView(run.trajectory, run.measurements.value, metrics, tuple(shown[name]), views)
    return views


def compose(
    scene: SceneSpec,
    runs: Mapping[str, RunView],
    frames: Sequence[FrameSpec],
    registry: Registry,
    *,
    transparent: bool = False,
) -> Film:
    """Measure what titles and layers need, find the limits, and place the panels.

    Raises:
        PluginError: A renderer or a metric raised.
        SceneError: The panels have too little room.
    """
    layers = tuple(
        panel_layers(scene, spec, runs[spec.run].trajectory.data.event_shape, registry) for spec in scene.panels
    )
    text = film_text(scene, runs, frames)
    plans = panel_plans(scene, layers, text, runs)
    figure = _figure(scene, plans, text, transparent)
    guides = [_guides(layers[i], runs[spec.run], figure.panels[i]) for i, spec in enumerate(scene.panels)]
    if any(guides):  # guides take space, and depend on the theme: lay out again
        plans = [replace(plan, guides=own) for plan, own in zip(plans, guides, strict=True)]
        figure = _figure(scene, plans, text, transparent)
    panels = []
    for i, spec in enumerate(scene.panels):
        indices = sorted({shown_indices(spec, runs, frame)[spec.run] for frame in frames})
        panels.append(_with_backdrop(figure.panels[i], layers[i], runs[spec.run], indices))
    return Film(scene, runs, layers, replace(figure, panels=tuple(panels)), tuple(frames), text.words(len(frames)))


def _figure(scene: SceneSpec, plans: Sequence[PanelPlan], text: FilmText, transparent: bool) -> Figure:
    grid = Grid(*scene.arrangement[1:])
    with placed_at_size(scene):
        return lay_out(scene.film.size, scene.theme, plans, grid, text.frame, transparent=transparent)


def _guides(layers: Sequence[Renderer], run: RunView, panel: Panel) -> tuple[Guide, ...]:
    guides = []
    for layer in layers:
        with plugin_errors(f"renderer {type(layer).__name__} (guide)"):
            ctx = RenderContext(panel.view, panel.theme)
            guides.append(call(layer, "guide", run, ctx, returns=(Legend, Colorbar, type(None))))
    return tuple(guide for guide in guides if guide is not None)


def _with_backdrop(panel: Panel, layers: Sequence[Renderer], run: RunView, indices: Sequence[int]) -> Panel:
    """Return the panel with its backdrop, after measuring its layers' probes at every visit that it shows."""
    backdrop: list[Mark] = []
    ctx = RenderContext(panel.view, panel.theme)
    for layer in layers:
        with plugin_errors(f"renderer {type(layer).__name__} (backdrop)"):
            for probe in layer.probes(ctx):
                for index in indices:
                    run.value(probe, index)
            backdrop += _checked(layer.backdrop(run, ctx))
    return replace(panel, backdrop=tuple(backdrop))


def _checked(marks: Iterable[Mark]) -> Iterator[Mark]:
    """Yield what a renderer gave.

    Raises:
        TypeError: It contains something else than marks.
    """
    for mark in marks:
        if not isinstance(mark, Mark):
            raise TypeError(f"must give marks, not {type(mark).__name__}")
        yield mark
