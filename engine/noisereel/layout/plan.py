"""Plans: panels and text before they have a place, and the room for them."""

from __future__ import annotations

from dataclasses import dataclass

from ..contracts.figure import Panel
from ..contracts.geometry import Box, Corner, Range, Rect
from ..contracts.guides import Guide, Space
from ..contracts.theme import Theme

__all__ = ["FrameText", "Grid", "InsetPlan", "Line", "PanelPlan", "Placed", "Room"]


@dataclass(frozen=True, slots=True)
class Grid:
    """Relative widths of columns and heights of rows, for the data alone without titles and labels."""

    widths: tuple[float, ...] = (1.0,)
    heights: tuple[float, ...] = (1.0,)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text to place.

    Attributes:
        text: The text; for a live line, its widest value.
        live: Whether each drawing provides its own text.
    """

    text: str = ""
    live: bool = False


@dataclass(frozen=True, slots=True)
class FrameText:
    """The text outside panels.

    Attributes:
        title: Title of the film.
        subtitle: Line below the title.
        caption: Line below the panels.
        bar: Labels at the left (always live) and right of the time bar; None for no bar.
    """

    title: Line = Line()
    subtitle: Line = Line()
    caption: Line = Line()
    bar: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class InsetPlan:
    """A place in another panel instead of the grid.

    Attributes:
        host: Index of the other panel, which is on the grid.
        corner: Corner of the host.
        size: (width, height) as shares of the host's.
    """

    host: int
    corner: Corner
    size: tuple[float, float]


@dataclass(frozen=True, slots=True)
class PanelPlan:
    """One panel before it has a place.

    Attributes:
        space: Meaning of its axes.
        extent: Limits that must be in view, padding included; an axis that is None becomes 0 to 1.
        cell: (row, column, rows spanned, columns spanned); ignored for an inset.
        title: Its title.
        caption: The line below it.
        x_label: Text below the data, at the right.
        y_label: Text at the top left.
        guides: Legends and colour bars, at the top right.
        inset: Place in another panel; None for a panel of the grid.
    """

    space: Space
    extent: Box
    cell: tuple[int, int, int, int] = (0, 0, 1, 1)
    title: Line = Line()
    caption: Line = Line()
    x_label: str = ""
    y_label: str = ""
    guides: tuple[Guide, ...] = ()
    inset: InsetPlan | None = None

    @property
    def has_text_below(self) -> bool:
        """Whether a label or a caption is below the data."""
        return self.has_axes or bool(self.x_label or self.caption.text)

    @property
    def has_axes(self) -> bool:
        """Whether it has axes with numbers."""
        return self.space in ("graph", "time")

    @property
    def rows(self) -> tuple[int, int]:
        """First and last row."""
        return self.cell[0], self.cell[0] + self.cell[2] - 1

    @property
    def columns(self) -> tuple[int, int]:
        """First and last column."""
        return self.cell[1], self.cell[1] + self.cell[3] - 1

    @property
    def x(self) -> Range:
        """Limits that must be in view across."""
        return _proper(self.extent.x)

    @property
    def y(self) -> Range:
        """Limits that must be in view up."""
        return _proper(self.extent.y)


@dataclass(frozen=True, slots=True)
class Room:
    """The part of the frame for panels, in pixels.

    Attributes:
        size: (width, height) of the whole frame, or of an inset's ground.
        scale: Frame pixels in a design pixel.
        theme: Colours and type.
        x: First and last column for panels.
        y: First and last row for panels.
        stray: The part in which particles may be drawn.
    """

    size: tuple[int, int]
    scale: float
    theme: Theme
    x: Range
    y: Range
    stray: Rect


@dataclass(frozen=True, slots=True)
class Placed:
    """A panel in its place.

    Attributes:
        panel: The panel, with pixels and limits.
        stacked: Whether its title has a separate line.
        room: Design pixels for its title if nothing else is on the line.
    """

    panel: Panel
    stacked: bool
    room: float


def _proper(limits: Range | None) -> Range:
    low, high = limits or (0.0, 1.0)
    return (low, high) if low != high else (low - 0.5, high + 0.5)
