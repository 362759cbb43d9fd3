"""Panels of a film: their layers, limits and layout, and the checks that need no simulation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import TYPE_CHECKING, cast

from ..contracts.calls import call, strings
from ..contracts.geometry import Box, Range, design_scale
from ..contracts.renderer import Renderer, space_of
from ..layout import Grid, InsetPlan, PanelPlan, lay_out
from ..support.errors import SceneError, UsageError, plugin_errors
from ..support.markup import with_formulas

if TYPE_CHECKING:
    from ..contracts.renderer import RunView
    from ..contracts.run_info import RunInfo
    from ..registry import Registry
    from ..scene import PanelSpec, SceneSpec
    from .text import FilmText

__all__ = ["check_panels", "panel_layers", "panel_plans", "placed_at_size", "shared_extents"]

Layers = Sequence[tuple[Renderer, ...]]
"""The layers of each panel."""

_UNIT = (0.0, 1.0)
_SMALLEST = 64 / 960  # text smaller than half a pixel cannot be drawn


def check_panels(scene: SceneSpec, infos: Mapping[str, RunInfo], registry: Registry) -> None:
    """Refuse layers that cannot show their run, and frames that are too small for the panels.

    Raises:
        SceneError: A layer cannot show its run, or the frame is too small.
    """
    layers = [panel_layers(scene, spec, infos[spec.run].event_shape, registry) for spec in scene.panels]
    problems = [
        scene.document.problem(
            f"panels.{i}.layers.{j}" if spec.layers else f"panels.{i}.layers", f"{registry.name_of(layer)} {reason}"
        )
        for i, (spec, own) in enumerate(zip(scene.panels, layers, strict=True))
        for j, layer in enumerate(own)
        if (reason := call(layer, "check", infos[spec.run], returns=(str, type(None))))
    ]
    if problems:
        raise SceneError(problems)
    if design_scale(scene.film.size) < _SMALLEST:
        width, height = scene.film.size
        message = f"{width}x{height} is too small for text; the minimum is about 64x48"
        raise SceneError([scene.document.problem("film.size", message)])
    (cells, *tracks), insets = scene.arrangement, _insets(scene)
    plans = [PanelPlan(space_of(own), Box(_UNIT, _UNIT), cells[i], inset=insets.get(i)) for i, own in enumerate(layers)]
    with placed_at_size(scene):
        lay_out(scene.film.size, scene.theme, plans, Grid(*tracks))


@contextmanager
def placed_at_size(scene: SceneSpec) -> Iterator[None]:
    """Give errors of the layout, which are a lack of room, the place of the film's size.

    Raises:
        SceneError: The panels have too little room.
    """
    try:
        yield
    except UsageError as error:
        raise SceneError([scene.document.problem("film.size", str(error))]) from error


def panel_layers(
    scene: SceneSpec, spec: PanelSpec, event_shape: tuple[int, ...], registry: Registry
) -> tuple[Renderer, ...]:
    """Return a panel's layers; if the scene names none, those of the data set, else the default for the event shape.

    Raises:
        SceneError: There is no default for it.
    """
    names: Sequence[str] = ()
    if not spec.layers:
        own = strings(scene.runs[spec.run].dataset, "layers", event_shape)
        names = own or registry.default_renderers(event_shape)
    if not spec.layers and not names:
        place = f"panels.{scene.panels.index(spec)}.layers"
        message = f"no renderer is the default for event shape {event_shape}; name the layers"
        raise SceneError([scene.document.problem(place, message)])
    return spec.layers or tuple(cast(Renderer, registry.create("renderer", name)) for name in names)


def panel_plans(scene: SceneSpec, layers: Layers, text: FilmText, runs: Mapping[str, RunView]) -> list[PanelPlan]:
    """Return the panels to lay out."""
    extents, cells, insets = shared_extents(scene, layers, runs), scene.arrangement.cells, _insets(scene)
    return [
        PanelPlan(
            space=space_of(layers[i]),
            extent=extents[i],
            cell=cells[i],
            title=text.panel_titles[i].line,
            caption=text.panel_captions[i].line,
            x_label=with_formulas(spec.x_label or ""),
            y_label=with_formulas(spec.y_label or ""),
            inset=insets.get(i),
        )
        for i, spec in enumerate(scene.panels)
    ]


def _insets(scene: SceneSpec) -> Mapping[int, InsetPlan]:
    """Return the places of the panels that are insets, by their index."""
    hosts = {spec.name: i for i, spec in enumerate(scene.panels) if spec.inset is None}
    placed = [(i, spec.inset) for i, spec in enumerate(scene.panels) if spec.inset is not None]
    return {i: InsetPlan(hosts[inset.panel], inset.corner, inset.size) for i, inset in placed}


def shared_extents(scene: SceneSpec, layers: Layers, runs: Mapping[str, RunView]) -> tuple[Box, ...]:
    """Return each panel's limits; planes share them, and so do panels with the same layers."""
    own = [_extent(layer, runs[spec.run]) for spec, layer in zip(scene.panels, layers, strict=True)]
    kinds = [("plane",) if space_of(layer) == "plane" else tuple(map(type, layer)) + layer for layer in layers]
    shared = [
        reduce(Box.union, (box for box, other in zip(own, kinds, strict=True) if other == kind)) for kind in kinds
    ]
    return tuple(
        Box(spec.x or _open(box.x), spec.y or _open(box.y), box.z)
        for spec, box in zip(scene.panels, shared, strict=True)
    )


def _extent(layers: Iterable[Renderer], run: RunView) -> Box:
    box = Box()
    for layer in layers:
        with plugin_errors(f"renderer {type(layer).__name__} (extent)"):
            box = box.union(call(layer, "extent", run, returns=(Box, type(None))) or Box())
    return box


def _open(range_: Range | None) -> Range:
    """Return the range, widened if it has no width."""
    low, high = range_ or _UNIT
    return (low, high) if high > low else (low - 0.5, high + 0.5)
