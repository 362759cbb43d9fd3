"""Composition: records and a scene's panels become a figure, and every moment of the film a drawing over it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, cast

from .errors import SceneError, at_work
from .figure import Box, Drawing, Figure, Panel, design_scale
from .layout import Grid, Inset, PanelPlan, lay_out
from .marks import Mark
from .renderer import Guide, Moment, Renderer, space_of
from .template import Template

if TYPE_CHECKING:
    from .record import Record
    from .registry import Registry
    from .scene import PanelSpec, Scene
    from .subject import Subject
    from .timeline import Tick

__all__ = ["Film", "check_panels", "compose", "shown_steps"]


@dataclass(frozen=True, slots=True)
class Film:
    """A film ready to be drawn: everything that does not move, and what moves by tick.

    Attributes:
        scene: What it shows.
        records: The record of each run.
        layers: The renderers of each panel.
        figure: What does not move.
        ticks: Its moments.
        words: For each tick, the words of each live slot.
    """

    scene: Scene
    records: Mapping[str, Record]
    layers: tuple[tuple[Renderer, ...], ...]
    figure: Figure
    ticks: tuple[Tick, ...]
    words: tuple[tuple[str, ...], ...]

    def doubled(self, registry: Registry) -> Film:
        """The same film at twice the size."""
        width, height = self.scene.film.size
        film = self.scene.film.model_copy(update={"size": (2 * width, 2 * height)})
        scene = self.scene.model_copy(update={"film": film})
        return compose(scene, self.records, self.ticks, registry, transparent=self.figure.transparent)

    def drawing(self, index: int) -> Drawing:
        """What tick ``index`` shows."""
        tick = self.ticks[index]
        marks = tuple(self._marks(i, tick) for i in range(len(self.layers)))
        return Drawing(self.figure, marks, self.words[index], self._progress(tick))

    def _marks(self, i: int, tick: Tick) -> tuple[Mark, ...]:
        spec, panel = self.scene.panels[i], self.figure.panels[i]
        record, film = self.records[spec.run], self.scene.film
        steps = shown_steps(spec, self.records, tick)
        step = steps[spec.run]
        moment = Moment(step, record.levels[step], tick.fraction, steps, film.frames / float(film.rate))
        marks: list[Mark] = []
        for layer in self.layers[i]:
            with at_work(f"renderer {type(layer).__name__} (marks, frame {tick.index})"):
                marks += layer.marks(record, moment, panel.look)
        return tuple(marks)

    def _progress(self, tick: Tick) -> float:
        """How much of the time bar is filled: the share of time passed, or of steps if time turns round."""
        name = clock(self.scene)
        record, step = self.records[name], tick.steps[name]
        times = [*record.times]
        if times != sorted(times) and times != sorted(times, reverse=True):
            return step / max(1, len(times) - 1)
        span = times[-1] - times[0]
        return (times[step] - times[0]) / span if span else 1.0


def has_bar(scene: Scene) -> bool:
    """Whether a time bar is shown: where it is wanted and something moves."""
    return scene.film.time_bar and any(panel.at is None for panel in scene.panels)


def clock(scene: Scene) -> str:
    """The run whose time the bar at the bottom tells: the first that a panel shows moving."""
    return next((panel.run for panel in scene.panels if panel.at is None), next(iter(scene.runs)))


def shown_steps(spec: PanelSpec, records: Mapping[str, Record], tick: Tick) -> Mapping[str, int]:
    """The visit of each run that a panel shows at a tick: the film's, or the one nearest to the panel's own time."""
    return tick.steps if spec.at is None else {name: record.nearest(spec.at) for name, record in records.items()}


def compose(
    scene: Scene,
    records: Mapping[str, Record],
    ticks: Sequence[Tick],
    registry: Registry,
    *,
    transparent: bool = False,
) -> Film:
    """Measure what titles and layers need, find the limits, place the panels.

    Raises:
        PluginError: A renderer raised.
    """
    for record in records.values():
        record.beside = records
    layers = tuple(panel_layers(scene, spec, records[spec.run].data.event, registry) for spec in scene.panels)
    lines = [Live.of(template, records, ticks) for template in _templates(scene)]
    plans = _panel_plans(scene, layers, lines[4:], records)
    figure = _figure(scene, plans, lines, records, transparent)
    guides = [_guides(layers[i], records[spec.run], figure.panels[i]) for i, spec in enumerate(scene.panels)]
    if any(guides):  # guides take room, and need the theme to be asked for: place everything once more
        plans = [replace(plan, guides=mine) for plan, mine in zip(plans, guides, strict=True)]
        figure = _figure(scene, plans, lines, records, transparent)
    panels = tuple(_backed(figure.panels[i], layers[i], spec, records, ticks) for i, spec in enumerate(scene.panels))
    title, subtitle, left, caption, *panels_own = lines
    live = [line.rows for line in (title, subtitle, *panels_own, caption) if line.live]
    live += [left.rows] if has_bar(scene) else []
    words = tuple(zip(*live, strict=True)) or ((),) * len(ticks)
    return Film(scene, records, layers, replace(figure, panels=panels), tuple(ticks), words)


def check_panels(scene: Scene, subjects: Mapping[str, Subject], registry: Registry) -> None:
    """Refuse layers that cannot show their run, and a frame without room for the panels, before anything is simulated.

    Raises:
        SceneError: A layer cannot show its run, or the frame is too small.
    """
    layers = [panel_layers(scene, spec, subjects[spec.run].event, registry) for spec in scene.panels]
    wrong = [
        scene.source.problem(
            f"panels.{i}.layers.{j}" if spec.layers else f"panels.{i}.layers", f"{registry.name_of(layer)} {said}"
        )
        for i, (spec, mine) in enumerate(zip(scene.panels, layers, strict=True))
        for j, layer in enumerate(mine)
        if (said := layer.check(subjects[spec.run]))
    ]
    if wrong:
        raise SceneError(wrong)
    if design_scale(scene.film.size) < _SMALLEST:
        width, height = scene.film.size
        said = f"{width}x{height} is too small for words; 64x48 is about the smallest"
        raise SceneError([scene.source.problem("film.size", said)])
    (cells, *tracks), insets = scene.arrangement, _insets(scene)
    plans = [
        PanelPlan(space_of(mine), Box(_UNIT, _UNIT), cells[i], inset=insets.get(i)) for i, mine in enumerate(layers)
    ]
    lay_out(scene.film.size, scene.theme, plans, Grid(*tracks))


def _insets(scene: Scene) -> Mapping[int, Inset]:
    """Where the panels that are insets lie, by their index."""
    hosts = {spec.name: i for i, spec in enumerate(scene.panels) if spec.inset is None}
    laid = [(i, spec.inset) for i, spec in enumerate(scene.panels) if spec.inset is not None]
    return {i: Inset(hosts[inset.panel], inset.corner, inset.size) for i, inset in laid}


_UNIT = (0.0, 1.0)
_SMALLEST = 64 / 960  # type of less than half a pixel cannot be set


def _panel_plans(
    scene: Scene, layers: Sequence[tuple[Renderer, ...]], lines: Sequence[Live], records: Mapping[str, Record]
) -> list[PanelPlan]:
    """The panels before they have a place; their lines are all their titles, then all their captions."""
    extents, cells, n = shared_extents(scene, layers, records), scene.arrangement.cells, len(scene.panels)
    insets = _insets(scene)
    return [
        PanelPlan(
            space_of(layers[i]),
            extents[i],
            cells[i],
            lines[i].widest,
            lines[i].live,
            lines[n + i].widest,
            lines[n + i].live,
            spec.x_label or "",
            spec.y_label or "",
            inset=insets.get(i),
        )
        for i, spec in enumerate(scene.panels)
    ]


def _figure(
    scene: Scene, plans: Sequence[PanelPlan], lines: Sequence[Live], records: Mapping[str, Record], transparent: bool
) -> Figure:
    title, subtitle, left, caption, *_ = lines
    return lay_out(
        scene.film.size,
        scene.theme,
        plans,
        Grid(*scene.arrangement[1:]),
        title=title.widest,
        title_live=title.live,
        subtitle=subtitle.widest,
        subtitle_live=subtitle.live,
        caption=caption.widest,
        caption_live=caption.live,
        bar=(left.widest, _end_label(records[clock(scene)])) if has_bar(scene) else None,
        transparent=transparent,
    )


def panel_layers(scene: Scene, spec: PanelSpec, event: tuple[int, ...], registry: Registry) -> tuple[Renderer, ...]:
    """A panel's layers; where the scene names none, the data set's own, or else what suits the event.

    Raises:
        SceneError: Nothing suits it.
    """
    names = () if spec.layers else scene.runs[spec.run].dataset.layers(event) or registry.suiting(event)
    if not spec.layers and not names:
        place = f"panels.{scene.panels.index(spec)}.layers"
        said = f"no renderer is known to suit event shape {event}; name the layers"
        raise SceneError([scene.source.problem(place, said)])
    return spec.layers or tuple(cast(Renderer, registry.get("renderer", name)()) for name in names)


def shared_extents(
    scene: Scene, layers: Sequence[tuple[Renderer, ...]], records: Mapping[str, Record]
) -> tuple[Box, ...]:
    """What each panel must have in view: planes share it, and so do panels with the same layers."""
    own = [_extent(spec, layer, records[spec.run]) for spec, layer in zip(scene.panels, layers, strict=True)]
    kin = [("plane",) if space_of(layer) == "plane" else tuple(map(type, layer)) + layer for layer in layers]
    shared = [reduce(Box.union, (b for b, k in zip(own, kin, strict=True) if k == mine)) for mine in kin]
    return tuple(
        Box(spec.x or _open(box.x), spec.y or _open(box.y), box.z)
        for spec, box in zip(scene.panels, shared, strict=True)
    )


def _extent(spec: PanelSpec, layers: Iterable[Renderer], record: Record) -> Box:
    box = Box()
    for layer in layers:
        with at_work(f"renderer {type(layer).__name__} (extent)"):
            box = box.union(layer.extent(record) or Box())
    return box


def _open(range_: tuple[float, float] | None) -> tuple[float, float]:
    """A range that has a width."""
    low, high = range_ or (0.0, 1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _guides(layers: Sequence[Renderer], record: Record, panel: Panel) -> tuple[Guide, ...]:
    guides = []
    for layer in layers:
        with at_work(f"renderer {type(layer).__name__} (guide)"):
            guides.append(layer.guide(record, panel.look))
    return tuple(guide for guide in guides if guide is not None)


def _backed(
    panel: Panel,
    layers: Sequence[Renderer],
    spec: PanelSpec,
    records: Mapping[str, Record],
    ticks: Sequence[Tick],
) -> Panel:
    """The panel with its backdrop, and its layers' probes measured at every visit that it shows."""
    record = records[spec.run]
    steps = sorted({shown_steps(spec, records, tick)[spec.run] for tick in ticks})
    backdrop: list[Mark] = []
    for layer in layers:
        with at_work(f"renderer {type(layer).__name__} (backdrop)"):
            for probe in layer.probes(panel.look):
                for step in steps:
                    record.value(probe, step)
            backdrop += layer.backdrop(record, panel.look)
    return replace(panel, backdrop=tuple(backdrop))


@dataclass(frozen=True, slots=True)
class Live:
    """The words of one line of text over the film, padded so that nothing jitters.

    Attributes:
        live: Whether they change.
        rows: The words at each tick.
    """

    live: bool
    rows: tuple[str, ...]

    @property
    def widest(self) -> str:
        """The longest of them."""
        return max(self.rows, key=len, default="")

    @classmethod
    def of(cls, line: tuple[str, str | PanelSpec], records: Mapping[str, Record], ticks: Sequence[Tick]) -> Live:
        """The words of a template that tells of a run, by name, or of a panel."""
        template, teller = Template(line[0]), line[1]
        record = records[teller if isinstance(teller, str) else teller.run]
        steps = [
            tick.steps[teller] if isinstance(teller, str) else shown_steps(teller, records, tick)[teller.run]
            for tick in ticks
        ]
        values = {step: record.told(step, template.names) for step in dict.fromkeys(steps)}
        padded = template.pad([values[step] for step in steps])
        return cls(len(set(padded)) > 1, tuple(padded))


def _templates(scene: Scene) -> Iterator[tuple[str, str | PanelSpec]]:
    """Title, subtitle, the time bar's label, caption, the panels' titles and their captions; each with its teller."""
    first = next(iter(scene.runs))
    yield scene.title or "", first
    yield scene.subtitle, first
    yield "t = {t}" if scene.runs[clock(scene)].training is None else "training step {trained}", clock(scene)
    yield scene.caption, first
    yield from ((spec.title or "", spec) for spec in scene.panels)
    yield from ((spec.caption, spec) for spec in scene.panels)


def _end_label(record: Record) -> str:
    end = record.times[-1]
    if record.training is not None:
        return Template("{t} steps").format({"t": end})
    return Template("T = {t}" if end == record.schedule.T else "t = {t}").format({"t": end})
