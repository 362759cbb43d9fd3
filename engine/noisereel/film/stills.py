"""Stills: frames at given times, and several of them side by side in one picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import inf
from typing import TYPE_CHECKING

from ..contracts.renderer import space_of
from ..contracts.trajectory import nearest
from ..support.errors import UsageError
from ..support.template import Template
from .timeline import FrameSpec

if TYPE_CHECKING:
    from ..scene import PanelSpec, SceneDocument, SceneSpec
    from ..simulation.plan import RunPlan
    from .plan import FrameSelector

__all__ = ["check_times", "describe_nearest", "every_visit", "still_frames", "strip"]


def still_frames(times: Sequence[float] | None) -> FrameSelector:
    """Return a selector of one frame per time, with each run at its nearest visit; of the end of all runs if None."""

    def select(plans: Mapping[str, RunPlan], calls: Mapping[str, Sequence[int]] | None) -> tuple[FrameSpec, ...]:
        if times is None:
            return (FrameSpec(0, 1.0, {name: len(plan.levels) - 1 for name, plan in plans.items()}, Fraction(1)),)
        last = max(1, len(times) - 1)
        indices = [{name: nearest(plan.times, t) for name, plan in plans.items()} for t in times]
        return tuple(FrameSpec(i, i / last, at, Fraction(1)) for i, at in enumerate(indices))

    return select


def every_visit(scene: SceneSpec) -> FrameSelector:
    """Return a selector of one frame per visit of the first panel's run; the other runs show the same progress."""

    def select(plans: Mapping[str, RunPlan], calls: Mapping[str, Sequence[int]] | None) -> tuple[FrameSpec, ...]:
        last = len(plans[scene.panels[0].run].levels) - 1
        fractions = [i / max(1, last) for i in range(last + 1)]
        indices = [{n: round(u * (len(p.levels) - 1)) for n, p in plans.items()} for u in fractions]
        duration = 1 / scene.film.rate
        return tuple(FrameSpec(i, u, at, duration) for i, (u, at) in enumerate(zip(fractions, indices, strict=True)))

    return select


def check_times(plans: Mapping[str, RunPlan], times: Sequence[float]) -> None:
    """Refuse times that no run reaches.

    Raises:
        UsageError: There are no times, or one is negative, not a number, or later than all visits.
    """
    if not times:
        raise UsageError("no times to show: give one at least, or none at all for the end of the film")
    latest = max(t for plan in plans.values() for t in plan.times)
    for t in times:
        if not 0 <= t < inf:
            raise UsageError(f"cannot show t = {t:g}: times are numbers from 0 to T")
        if t > latest:
            raise UsageError(f"cannot show t = {t:g}: no run reaches it; the last time is t = {latest:g}")


def describe_nearest(plans: Mapping[str, RunPlan], times: Sequence[float]) -> Iterator[str]:
    """Yield a line for each time without a visit, with the nearest visit, which is shown instead."""
    for time in times:
        shown = {name: plan.times[nearest(plan.times, time)] for name, plan in plans.items()}
        for t in dict.fromkeys(shown.values()):
            if t != time:
                runs = [name for name, other in shown.items() if other == t]
                suffix = f" of run {', '.join(runs)}" if len(runs) < len(plans) else ""
                yield f"at {time:g}: t = {t:g} is the nearest visit{suffix}"


def strip(scene: SceneSpec, plans: Mapping[str, RunPlan], times: Sequence[float], *, sized: bool) -> SceneSpec:
    """Return the scene as one picture: a row per panel that shows particles or images, a column per time; no insets.

    The first row is headed by the times that it shows, and so is each row that shows others. Text over the film that
    holds for one moment only is left out.

    Args:
        scene: The scene.
        plans: The plan of each run.
        times: Times of the columns.
        sized: Whether the user chose the size; otherwise the height fits the rows.
    """
    on_grid = [panel for panel in scene.panels if panel.inset is None]
    shown = [panel for panel in on_grid if space_of(panel.layers) != "time"] or on_grid
    heads = [_head(panel, plans[panel.run], times) for panel in shown]
    headed = [row == 0 or head != heads[0] for row, head in enumerate(heads)]
    panels = tuple(
        _at(panel, t, heads[row][0] if headed[row] else "") for row, panel in enumerate(shown) for t in times
    )
    still = _still_text(scene)
    width, height = scene.film.size
    if not sized:
        head = (0.13 if still["title"] else 0.08) + 0.03 * (sum(headed) - 1)
        height = 2 * round((head + 0.95 * len(shown) / len(times)) * width / 2)
    film = scene.film.model_copy(update={"size": (width, height), "time_bar": False})
    layout = scene.layout.model_copy(update={"columns": len(times), "areas": None, "widths": None, "heights": None})
    document = _with_places(scene, [scene.panels.index(panel) for panel in shown for _ in times])
    return scene.model_copy(
        update={"panels": panels, "film": film, "layout": layout, "document": document, **still},
    )


def _with_places(scene: SceneSpec, origins: Sequence[int]) -> SceneDocument:
    """Return the scene's document for other panels, each at the place of the one that it comes from."""
    places = {path: place for path, place in scene.document.places.items() if not path.startswith("panels.")}
    for path, place in scene.document.places.items():
        part, _, rest = path.partition(".")
        origin, dot, key = rest.partition(".")
        if part == "panels" and origin:
            places |= {f"panels.{i}{dot}{key}": place for i, own in enumerate(origins) if str(own) == origin}
    return replace(scene.document, places=places)


def _head(panel: PanelSpec, plan: RunPlan, times: Sequence[float]) -> tuple[str, list[float]]:
    """Return the title of a row's panels, and the times that they show."""
    title = "t = {t}" if plan.training is None else "training step {trained}"
    return title, [plan.times[nearest(plan.times, t)] for t in times]


def _at(panel: PanelSpec, t: float, title: str) -> PanelSpec:
    return panel.model_copy(update={"at": t, "title": title, "caption": ""})


def _still_text(scene: SceneSpec) -> dict[str, str]:
    """Return the text over a film without lines that change during it."""
    lines = {"title": scene.title or "", "subtitle": scene.subtitle, "caption": scene.caption}
    return {key: "" if Template(text).live else text for key, text in lines.items()}
