"""What a scene file says, complete and validated; `noisereel.scene` reads the file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from graphlib import TopologicalSorter
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ..contracts.dataset import Dataset
from ..contracts.denoiser import Denoiser
from ..contracts.geometry import Corner, Range
from ..contracts.probe import Metric
from ..contracts.renderer import Renderer
from ..contracts.sampler import Sampler
from ..contracts.schedule import Schedule
from ..contracts.theme import Theme
from ..support.errors import Problem
from .areas import Arrangement, Cell, cells_of, near_square, places
from .overrides import Override

__all__ = [
    "FilmSettings",
    "Layout",
    "PanelSpec",
    "RunFields",
    "RunSpec",
    "Scene",
    "SceneDocument",
    "SceneHeader",
    "SlowMotion",
    "StartAt",
    "TrainingSnapshots",
]

Share = Annotated[float, Field(gt=0, le=1)]


class _Part(BaseModel):
    """A part of a scene: frozen, no unknown keys, documented by its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _twice(value: object, wanted: str) -> object:
    """A pair that may be written as one number."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value, value
    if isinstance(value, (list, tuple)):
        return tuple(value)
    raise ValueError(wanted)


class StartAt(_Part):
    """Starts a run from a state that another run visited."""

    run: str
    """The other run."""
    at: float = Field(ge=0)
    """Its time t; the nearest visited state is taken."""


class TrainingSnapshots(_Part):
    """Shows a run as its denoiser learns: the same state of it after more and more training."""

    snapshots: int = Field(default=60, ge=2, le=1000)
    """How many moments of training to show; they lie closer together at its beginning."""
    at: float = Field(default=0.0, ge=0)
    """Time t of the state shown, the nearest visited one; 0 for finished samples."""

    def steps(self, total: int) -> tuple[int, ...]:
        """Training steps done at each moment, from 0 to all of them: growing as a square."""
        last = self.snapshots - 1
        return tuple(sorted({round(total * (i / last) ** 2) for i in range(self.snapshots)}))


class RunFields(_Part):
    """What a scene may say of a run; top-level keys of the same names are the defaults of every run."""

    dataset: Dataset
    """Where clean samples come from."""
    schedule: Schedule
    """How signal and noise change with time."""
    denoiser: Denoiser | None = None
    """What estimates clean data; needed by reverse samplers."""
    sampler: tuple[Sampler, ...] = Field(min_length=1)
    """One sampler, or a list of them: acts that follow one another."""
    particles: int | None = Field(default=None, ge=1, le=1_000_000_000)
    """Number of trajectories; as many as the data has where left out (at most 1,000 from the prior)."""
    start: Literal["data", "prior", "marginal"] | StartAt | None = None
    """Where particles begin: clean data, pure noise, noised data, or another run's state."""
    seed: int = Field(default=0, ge=0, le=10**18)
    """The same seed gives the same states."""
    metrics: tuple[Metric, ...] = ()
    """What is measured on every state shown; titles and curves can show it."""
    training: TrainingSnapshots | None = None
    """Shows the run as its denoiser learns, such as {snapshots: 60}; its own time is then training steps."""
    pairs: str | None = None
    """Another run, from noise to data, whose ends the denoiser learns from instead of data and fresh noise."""
    copies: int = Field(default=1, ge=1, le=1000)
    """How often to repeat the run with other noise, as NAME.1, NAME.2 …"""


class RunSpec(RunFields):
    """One run of a scene.

    Attributes:
        name: As in ``runs``; with a number behind it for copies.
        copy_index: Which copy this is, from 0: a part of every noise key.
    """

    name: str
    copy_index: int = 0

    @property
    def start_run(self) -> StartAt | None:
        """The run and time that this one starts from, if it starts from another."""
        return self.start if isinstance(self.start, StartAt) else None

    @property
    def depends_on(self) -> tuple[str, ...]:
        """The runs that this one builds on: starts from, or learns from."""
        started = () if self.start_run is None else (self.start_run.run,)
        return started if self.pairs is None else (*started, self.pairs)


class InsetSettings(_Part):
    """Lays a panel into a corner of another one."""

    panel: str
    """The other panel, by its name."""
    corner: Corner = "top-right"
    """Which corner: top-left, top-right, bottom-left or bottom-right."""
    size: tuple[Share, Share] = (0.35, 0.35)
    """Its [width, height] in shares of the other's, labels included; one number for both."""

    @field_validator("size", mode="before")
    @classmethod
    def _both(cls, size: object) -> object:
        return _twice(size, "must be a share of the other panel's sides, as one number or as [width, height]")


class PanelSpec(_Part):
    """One panel of the film."""

    run: str
    """The run it shows."""
    at: float | None = Field(default=None, ge=0)
    """A fixed time to show instead of the film's moment."""
    title: str | None = None
    """Text above it, with live values such as {t}."""
    caption: str = ""
    """A line below it, likewise."""
    layers: tuple[Renderer, ...] = ()
    """Renderers from back to front; what suits the data where left out."""
    name: str | None = Field(default=None, min_length=1)
    """What ``layout.areas`` and insets call it."""
    inset: InsetSettings | None = None
    """Lays it over another panel instead of beside it, such as {panel: NAME, corner: top-left}."""
    x: Range | None = None
    """Limits across, [low, high]."""
    y: Range | None = None
    """Limits up, [low, high]."""
    x_label: str | None = None
    """Text below the axis."""
    y_label: str | None = None
    """Text beside the axis."""

    @field_validator("x", "y")
    @classmethod
    def _rising(cls, limits: Range | None) -> Range | None:
        if limits is not None and not (limits[0] < limits[1] and all(map(math.isfinite, limits))):
            raise ValueError(f"must be [low, high], got [{limits[0]:g}, {limits[1]:g}]")
        return limits


Weight = Annotated[float, Field(gt=0, le=1000)]


class Layout(_Part):
    """How panels are arranged; in a frame taller than wide, rows for columns where that fits better."""

    columns: int | None = Field(default=None, ge=1, le=100)
    """Number of columns; a grid near a square where left out."""
    areas: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Rows of panel names, such as "roll entropy"; a name repeated spans cells, a dot leaves one empty."""
    widths: tuple[Weight, ...] | None = None
    """Relative width of each column."""
    heights: tuple[Weight, ...] | None = None
    """Relative height of each row."""

    @field_validator("areas")
    @classmethod
    def _rectangles(cls, areas: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if areas is not None:
            cells_of(areas)
        return areas

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.areas is not None and self.columns is not None:
            raise ValueError("give either 'areas' or 'columns'")
        return self

    def shape(self, panels: Sequence[PanelSpec]) -> tuple[int, int]:
        """(rows, columns) of the grid, where insets take no place."""
        if self.areas is not None:
            return len(self.areas), len(self.areas[0].split())
        count = sum(panel.inset is None for panel in panels)
        columns = self.columns or near_square(count)
        return -(-count // columns), columns

    def tracks(self, panels: Sequence[PanelSpec]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Relative (widths of the columns, heights of the rows)."""
        rows, columns = self.shape(panels)
        return self.widths or (1.0,) * columns, self.heights or (1.0,) * rows

    def cells(self, panels: Sequence[PanelSpec]) -> tuple[Cell, ...]:
        """Where each panel goes; an inset where its host does.

        Raises:
            ValueError: The names of areas and panels, or the number of widths or heights, do not match.
        """
        rows, columns = self.shape(panels)
        _same_number("widths", self.widths, "column", columns)
        _same_number("heights", self.heights, "row", rows)
        names = [panel.name for panel in panels if panel.inset is None]
        if self.areas is None:
            cells = tuple(Cell(*divmod(i, columns)) for i in range(len(names)))
        else:
            cells = places(self.areas, names)
        own, by_name = iter(cells), dict(zip(names, cells, strict=True))
        return tuple(next(own) if panel.inset is None else by_name[panel.inset.panel] for panel in panels)


def _same_number(what: str, weights: Sequence[float] | None, each: str, count: int) -> None:
    if weights is not None and len(weights) != count:
        raise ValueError(f"'{what}' must hold a number for each {each}: {count}, got {len(weights)}")


Side = Annotated[int, Field(ge=16, le=8192)]
Seconds = Annotated[float, Field(ge=0, le=3600)]


SIZES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"16:9": (1280, 720), "4:3": (960, 720), "1:1": (720, 720), "9:16": (720, 1280)}
)
"""Sizes by their shape; the shorter side is 720 pixels."""


class SlowMotion(_Part):
    """A stretch of the film in slow motion. The film stays as long: it hurries elsewhere."""

    at: float
    """Its middle: a time t, or a log-SNR; the nearest visited state of the first run is taken."""
    by: Literal["t", "log-snr"] = "t"
    """What 'at' and 'width' are given in."""
    factor: float = Field(default=3, ge=1, le=100)
    """How many times slower the middle is than what lies far away."""
    width: float | None = Field(default=None, gt=0)
    """From half as slow to half as slow again; a tenth of what the run goes through where left out."""


class FilmSettings(_Part):
    """What the film is like."""

    frames: int = Field(default=120, ge=1, le=100_000)
    """Number of moving frames; holds come on top."""
    fps: float = Field(default=25, gt=0, le=120)
    """Frames a second."""
    size: tuple[Side, Side] = (1280, 720)
    """[width, height] in pixels, or a shape: 16:9, 4:3, 1:1 or 9:16, the shorter side being 720 pixels."""
    hold: tuple[Seconds, Seconds] = (0.7, 1.2)
    """How long the first and the last frame stand still, in seconds; one number for both."""
    theme: str = "dark"
    """Colours and type: dark, light, paper, blackboard; or a YAML file that changes one, or an .mplstyle file."""
    align: Literal["progress", "t", "log-snr", "calls"] = "progress"
    """What runs of unequal length are kept in step by."""
    ease: Literal["in-out", "linear"] = "in-out"
    """Whether the film starts and ends gently."""
    slow: tuple[SlowMotion, ...] = ()
    """Stretches in slow motion, such as {at: 12, factor: 3}."""
    reverse: bool = False
    """Whether it runs from the end to the beginning."""
    boomerang: bool = False
    """Whether it runs back to where it began."""
    poster: bool = False
    """Whether one frame of the end comes first, for thumbnails; in a loop it belongs to the end that it follows."""
    loop: bool = True
    """Whether players start over at the end."""
    time_bar: bool = True
    """Whether a thin bar at the bottom shows how far it is."""

    @field_validator("size", mode="before")
    @classmethod
    def _shape(cls, size: object) -> object:
        if isinstance(size, str):
            if size not in SIZES:
                raise ValueError(f"must be [width, height], or one of {', '.join(SIZES)}, got text '{size}'")
            return SIZES[size]
        return tuple(size) if isinstance(size, list) else size

    @field_validator("hold", mode="before")
    @classmethod
    def _both(cls, hold: object) -> object:
        return _twice(hold, "must be seconds, as one number or as [first, last]")

    @property
    def rate(self) -> Fraction:
        """Frames a second, exactly as written."""
        return Fraction(str(self.fps)).limit_denominator(100_000)


@dataclass(frozen=True, slots=True)
class SceneDocument:
    """What a scene was read from: enough to read it again in another process.

    Attributes:
        text: The file's text.
        name: What errors call it.
        folder: What relative paths start from.
        overrides: Values set from outside.
        places: Where each value was written and its path there, by its path in the finished scene.
    """

    text: str
    name: str
    folder: Path
    overrides: tuple[Override, ...] = ()
    places: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def given(self) -> dict[str, Any]:
        """What it takes to read the scene again, for what is made of it: its text, and what was set in it."""
        return {"scene": self.text, "set": [f"{change.path}={change.value}" for change in self.overrides]}

    def problem(self, path: str, message: str) -> Problem:
        """A problem found after loading, placed where the value was written.

        Args:
            path: ``runs.NAME.KEY``, ``panels.INDEX.KEY`` or ``film.KEY``, as in `Scene`.
            message: What is wrong.
        """
        known = path
        while known and known not in self.places:
            known = known.rpartition(".")[0]
        place, written = self.places.get(known, (self.name, ""))
        return Problem(place, written if known == path else path, message)


class SceneHeader(_Part):
    """What a scene says besides its runs and panels."""

    title: str | None = None
    """Headline of the film."""
    subtitle: str = ""
    """A line below it."""
    caption: str = ""
    """A line below the panels."""
    description: str = ""
    """What there is to see, for lists and for screen readers."""
    layout: Layout = Layout()
    """How panels are arranged."""
    film: FilmSettings = FilmSettings()
    """Frames, speed, size, theme."""


class Scene(SceneHeader):
    """A whole scene.

    Attributes:
        runs: By name, in the file's order.
        panels: In the file's order; at least one.
        theme: What ``film.theme`` names.
        document: The document it was read from.
    """

    runs: dict[str, RunSpec]
    panels: tuple[PanelSpec, ...]
    theme: Theme
    document: SceneDocument

    @property
    def arrangement(self) -> Arrangement:
        """Where each panel goes."""
        layout = self.layout
        return Arrangement(layout.cells(self.panels), *layout.tracks(self.panels)).for_frame(self.film.size)

    @property
    def run_order(self) -> tuple[RunSpec, ...]:
        """The runs, each after those that it builds on."""
        graph = {name: spec.depends_on for name, spec in self.runs.items()}
        return tuple(self.runs[name] for name in TopologicalSorter(graph).static_order())
