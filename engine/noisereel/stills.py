"""Stills: which moments, and several of them side by side in one picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from .errors import UsageError
from .record import nearest
from .renderer import space_of
from .simulation import plans_of
from .timeline import Tick

if TYPE_CHECKING:
    from .film import TickMaker
    from .run import Plan
    from .scene import PanelSpec, Scene

__all__ = ["check_times", "nearest_times", "parse_times", "still_ticks", "strip", "visit_ticks"]


def parse_times(text: str) -> tuple[float, ...]:
    """Times from ``"0,6,12"``.

    Raises:
        UsageError: One of them is no time.
    """
    try:
        times = tuple(float(part) for part in text.split(","))
    except ValueError:
        times = (-1.0,)
    if not all(0 <= t < float("inf") for t in times):
        raise UsageError(f"--at {text}: write times as numbers from 0 to T, e.g. --at 0,6,12")
    return times


def still_ticks(times: Sequence[float] | None) -> TickMaker:
    """One tick for each time, every run at its visit nearest to it; the end of all runs if there are no times."""

    def make(plans: Mapping[str, Plan], calls: Mapping[str, Sequence[int]] | None) -> tuple[Tick, ...]:
        if times is None:
            return (Tick(0, 1.0, {name: len(plan.levels) - 1 for name, plan in plans.items()}, Fraction(1)),)
        return tuple(
            Tick(i, i / max(1, len(times) - 1), {n: nearest(p.times, t) for n, p in plans.items()}, Fraction(1))
            for i, t in enumerate(times)
        )

    return make


def visit_ticks(scene: Scene) -> TickMaker:
    """A tick for each visit of the first panel's run; the other runs as far as it is."""

    def make(plans: Mapping[str, Plan], calls: Mapping[str, Sequence[int]] | None) -> tuple[Tick, ...]:
        last = len(plans[scene.panels[0].run].levels) - 1
        fractions = [i / max(1, last) for i in range(last + 1)]
        steps = [{n: round(u * (len(p.levels) - 1)) for n, p in plans.items()} for u in fractions]
        return tuple(
            Tick(i, u, at, 1 / scene.film.rate) for i, (u, at) in enumerate(zip(fractions, steps, strict=True))
        )

    return make


def check_times(scene: Scene, times: Sequence[float]) -> None:
    """Refuse times that no run reaches.

    Raises:
        UsageError: There is one.
    """
    latest = max(t for plan in plans_of(scene).values() for t in plan.times)
    for t in times:
        if t > latest:
            raise UsageError(f"--at {t:g}: no run gets there; the last time is t = {latest:g}")


def nearest_times(scene: Scene, times: Sequence[float]) -> Iterator[str]:
    """What to say of times that no visit falls on: which one is shown instead."""
    plans = plans_of(scene)
    for asked in times:
        taken = {name: each.times[nearest(each.times, asked)] for name, each in plans.items()}
        for t in dict.fromkeys(taken.values()):
            if t != asked:
                runs = [name for name, found in taken.items() if found == t]
                whose = f" of run {', '.join(runs)}" if len(runs) < len(plans) else ""
                yield f"at {asked:g}: t = {t:g} is the nearest visit{whose}"


def strip(scene: Scene, times: Sequence[float], *, sized: bool) -> Scene:
    """The scene as one picture: a row for each panel that shows particles or images, a column for each time; no insets.

    Args:
        scene: The scene.
        times: One for each column.
        sized: Whether the size was asked for; else the height fits the rows.
    """
    on_grid = [panel for panel in scene.panels if panel.inset is None]
    shown = [panel for panel in on_grid if space_of(panel.layers) != "time"] or on_grid
    panels = tuple(_at(panel, t, row == 0) for row, panel in enumerate(shown) for t in times)
    width, height = scene.film.size
    if not sized:
        head = 0.13 if scene.title else 0.08
        height = 2 * round((head + 0.95 * len(shown) / len(times)) * width / 2)
    film = scene.film.model_copy(update={"size": (width, height), "time_bar": False})
    layout = scene.layout.model_copy(update={"columns": len(times), "areas": None, "widths": None, "heights": None})
    return scene.model_copy(update={"panels": panels, "film": film, "layout": layout})


def _at(panel: PanelSpec, t: float, labelled: bool) -> PanelSpec:
    return panel.model_copy(update={"at": t, "title": "t = {t}" if labelled else "", "caption": ""})
