"""Figures: panels in their places, and everything about a film that does not move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .geometry import Rect, View, design_scale
from .guides import Guide, Space
from .marks import Mark
from .theme import Theme

__all__ = ["HAIRLINE", "Drawing", "Figure", "Panel", "Slot", "TimeBar"]

HAIRLINE = 1.0
"""Width of an inset's edge in design pixels."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A line of text on the frame, outside the panels' data.

    Attributes:
        text: The text; for a live slot, its widest value.
        x: Anchor column in pixels.
        baseline: Row of the baseline in pixels.
        size: Type size in points at 720 lines.
        color: Hex colour.
        bold: Weight.
        align: End of the text that is at x.
        live: Whether each drawing provides its own text.
    """

    text: str
    x: float
    baseline: float
    size: float
    color: str
    bold: bool = False
    align: Literal["left", "center", "right"] = "left"
    live: bool = False


@dataclass(frozen=True, slots=True)
class TimeBar:
    """The thin bar at the bottom of the frame; each drawing sets the filled share.

    Attributes:
        rect: Its place.
        color: Colour of the filled part.
        track: Colour of the rest.
    """

    rect: Rect
    color: str
    track: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel in its place.

    Attributes:
        view: Limits and pixels.
        theme: Colours and type.
        space: Meaning of its axes.
        clip: Where its marks may be drawn: the data rectangle, and for a plane the free space around it.
        backdrop: Marks behind everything else, the same in every frame.
        guides: Legends and colour bars.
        x_label: Text under a graph.
        y_label: Text at the top left of a graph.
        ground: The part of its host that an inset covers; None for a panel of the grid.
    """

    view: View
    theme: Theme
    space: Space
    clip: Rect
    backdrop: tuple[Mark, ...] = ()
    guides: tuple[Guide, ...] = ()
    x_label: str = ""
    y_label: str = ""
    ground: Rect | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """Everything about a film that does not move.

    Attributes:
        size: (width, height) in pixels.
        theme: Colours and type.
        panels: In reading order.
        slots: Titles and other lines of text.
        bar: The time bar, if there is one.
        transparent: Whether the background is left out.
    """

    size: tuple[int, int]
    theme: Theme
    panels: tuple[Panel, ...]
    slots: tuple[Slot, ...] = ()
    bar: TimeBar | None = None
    transparent: bool = False

    @property
    def scale(self) -> float:
        """Frame pixels in a design pixel: 1 at 1280×720."""
        return design_scale(self.size)

    @property
    def back_to_front(self) -> tuple[int, ...]:
        """Indices of the panels, insets after their hosts."""
        return tuple(sorted(range(len(self.panels)), key=lambda i: self.panels[i].ground is not None))


@dataclass(frozen=True, slots=True)
class Drawing:
    """The content of one frame: the parts of a `Figure` that move.

    Attributes:
        figure: The parts that do not move.
        marks: The marks of each panel, back to front.
        words: The text of each live slot, in the slots' order.
        progress: Filled share of the time bar, in [0, 1].
    """

    figure: Figure
    marks: tuple[tuple[Mark, ...], ...]
    words: tuple[str, ...] = ()
    progress: float = 0.0
