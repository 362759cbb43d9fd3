"""Scene specs: the schema of scene files, as frozen models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from graphlib import TopologicalSorter
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, InstanceOf, field_validator, model_validator

from ..contracts.dataset import Dataset
from ..contracts.denoiser import Denoiser
from ..contracts.geometry import Corner, Range
from ..contracts.probe import Metric
from ..contracts.renderer import Renderer
from ..contracts.sampler import Sampler
from ..contracts.schedule import Schedule
from ..contracts.theme import Theme
from ..registry.registry import Registry
from ..support.errors import Problem
from .areas import Arrangement, Cell, cells_of, near_square, places
from .nodes import Node
from .overrides import Override

__all__ = [
    "FilmSettings",
    "Layout",
    "PanelSpec",
    "RunFields",
    "RunSpec",
    "SceneDocument",
    "SceneHeader",
    "SceneSpec",
    "SlowMotion",
    "StartAt",
    "TrainingSnapshots",
    "leading",
]

Share = Annotated[float, Field(gt=0, le=1)]


class _Part(BaseModel):
    """Base class of a scene's parts: frozen, without unknown keys, documented by its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _pair(value: object, message: str) -> object:
    """Return a pair, which may be written as one number."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value, value
    if isinstance(value, (list, tuple)):
        return tuple(value)
    raise ValueError(message)


class StartAt(_Part):
    """Start of a run from a state that another run visited."""

    run: str
    """Name of the other run."""
    at: float = Field(ge=0)
    """Time t of the state to start from, in [0, T]; the nearest visited one is used."""


class TrainingSnapshots(_Part):
    """Snapshots of a run while its denoiser learns: the same state after more and more training."""

    snapshots: int = Field(default=60, ge=2, le=1000)
    """Number of snapshots; they are denser early in training."""
    at: float = Field(default=0, ge=0)
    """Time t of the state to show, in [0, T], or the nearest visited one; 0 for finished samples."""

    def steps(self, total: int) -> tuple[int, ...]:
        """Return the training step of each snapshot, growing quadratically from 0 to the total."""
        last = self.snapshots - 1
        return tuple(sorted({round(total * (i / last) ** 2) for i in range(self.snapshots)}))


class RunFields(_Part):
    """Settings of a run; top-level keys of the same names are the defaults of all runs."""

    dataset: Dataset
    """Source of clean samples."""
    schedule: Schedule
    """Signal and noise levels over time."""
    denoiser: Denoiser | None = None
    """Estimator of clean data; required by reverse samplers."""
    sampler: tuple[Sampler, ...] = Field(min_length=1)
    """Sampler, or a list of samplers that run one after another, as acts."""
    particles: int | None = Field(default=None, ge=1, le=1_000_000_000)
    """Number of particles; if omitted, one per sample of the data (at most 1,000 from the prior)."""
    start: Literal["data", "prior", "marginal"] | StartAt | None = None
    """Initial state: clean data, pure noise (prior), noised data (marginal), or a state of another run."""
    seed: int = Field(default=0, ge=0, le=10**18)
    """Seed of all random numbers; the same seed gives the same states."""
    metrics: tuple[Metric, ...] = ()
    """Metrics to measure on every state shown, for titles and curves; one, or a list."""
    training: TrainingSnapshots | None = None
    """Snapshots of the run while its denoiser learns; its time axis then counts training steps."""
    pairs: str | None = None
    """Name of a run from noise to data; the denoiser learns from its end points instead of data and fresh noise."""
    copies: int = Field(default=1, ge=1, le=1000)
    """Number of copies of the run, NAME.1, NAME.2 …, each with its own noise."""


class RunSpec(RunFields):
    """One run of a scene.

    Attributes:
        name: Name in ``runs``, with a number appended for copies.
        copy_index: Index of the copy, from 0; part of every noise key.
    """

    name: str
    copy_index: int = 0

    @property
    def start_run(self) -> StartAt | None:
        """The run and time that this one starts from; None if it starts from none."""
        return self.start if isinstance(self.start, StartAt) else None

    @property
    def depends_on(self) -> tuple[str, ...]:
        """Names of the runs that this one starts from or learns from."""
        start = () if self.start_run is None else (self.start_run.run,)
        return start if self.pairs is None else (*start, self.pairs)


class InsetSettings(_Part):
    """Placement of a panel in a corner of another one."""

    panel: str
    """Name of the other panel, by its key ``name``."""
    corner: Corner = "top-right"
    """Corner of the other panel."""
    size: tuple[Share, Share] = (0.35, 0.35)
    """[width, height] as fractions of the other panel's with its labels, at most 1; one number for both."""

    @field_validator("size", mode="before")
    @classmethod
    def _both(cls, size: object) -> object:
        return _pair(size, "must be fractions of the other panel's size, as one number or as [width, height]")


class PanelSpec(_Part):
    """One panel of the film."""

    run: str
    """Name of the run to show; required if the scene has several runs."""
    at: float | None = Field(default=None, ge=0)
    """Fixed time t to show, in [0, T], instead of the film's current one."""
    title: str | None = None
    """Text above the panel, with live values such as {t}."""
    caption: str = ""
    """Text below the panel, with live values."""
    layers: tuple[Renderer, ...] = ()
    """Renderers from back to front, one or a list; a default that suits the data if omitted."""
    name: str | None = Field(default=None, min_length=1)
    """Name for use in ``layout.areas`` and by insets."""
    inset: InsetSettings | None = None
    """Placement over another panel; without it, the panel has a place of its own in the layout."""
    x: Range | None = None
    """Horizontal limits, [low, high], in data coordinates; computed over the whole run if omitted."""
    y: Range | None = None
    """Vertical limits, [low, high], in data coordinates; computed over the whole run if omitted."""
    x_label: str | None = None
    """Label of the horizontal axis; none if omitted."""
    y_label: str | None = None
    """Label of the vertical axis; none if omitted."""

    @field_validator("x", "y")
    @classmethod
    def _rising(cls, limits: Range | None) -> Range | None:
        if limits is not None and not (limits[0] < limits[1] and all(map(math.isfinite, limits))):
            raise ValueError(f"must be [low, high], got [{limits[0]:g}, {limits[1]:g}]")
        return limits


def leading(panels: Sequence[PanelSpec]) -> PanelSpec:
    """Return the panel whose moment the time bar and the text over the film show: the first without a fixed time."""
    return next((panel for panel in panels if panel.at is None), panels[0])


Weight = Annotated[float, Field(gt=0, le=1000)]


class Layout(_Part):
    """Arrangement of panels; in a tall frame, rows and columns are swapped if that fits better."""

    columns: int | None = Field(default=None, ge=1, le=100)
    """Number of columns; a roughly square grid if omitted."""
    areas: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Rows of panel names, such as "roll entropy"; a repeated name spans cells, a dot leaves one empty."""
    widths: tuple[Weight, ...] | None = None
    """Width of each column relative to the others, above 0, at most 1,000; equal if omitted."""
    heights: tuple[Weight, ...] | None = None
    """Height of each row relative to the others, above 0, at most 1,000; equal if omitted."""

    @field_validator("areas")
    @classmethod
    def _rectangles(cls, areas: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if areas is not None:
            cells_of(areas)
        return areas

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.areas is not None and self.columns is not None:
            raise ValueError("give either 'areas' or 'columns', not both")
        return self

    def shape(self, panels: Sequence[PanelSpec]) -> tuple[int, int]:
        """Return (rows, columns) of the grid; insets take no cells."""
        if self.areas is not None:
            return len(self.areas), len(self.areas[0].split())
        count = sum(panel.inset is None for panel in panels)
        columns = self.columns or near_square(count)
        return -(-count // columns), columns

    def tracks(self, panels: Sequence[PanelSpec]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the relative (widths of the columns, heights of the rows)."""
        rows, columns = self.shape(panels)
        return self.widths or (1.0,) * columns, self.heights or (1.0,) * rows

    def cells(self, panels: Sequence[PanelSpec]) -> tuple[Cell, ...]:
        """Return the cell of each panel; an inset has the same cell as its host.

        Raises:
            ValueError: The names of areas and panels, or the number of widths or heights, do not match.
        """
        rows, columns = self.shape(panels)
        _check_count("widths", self.widths, "column", columns)
        _check_count("heights", self.heights, "row", rows)
        names = [panel.name for panel in panels if panel.inset is None]
        if self.areas is None:
            cells = tuple(Cell(*divmod(i, columns)) for i in range(len(names)))
        else:
            cells = places(self.areas, names)
        remaining, by_name = iter(cells), dict(zip(names, cells, strict=True))
        return tuple(next(remaining) if panel.inset is None else by_name[panel.inset.panel] for panel in panels)


def _check_count(name: str, weights: Sequence[float] | None, track: str, count: int) -> None:
    if weights is not None and len(weights) != count:
        raise ValueError(f"'{name}' must have one number per {track} ({count}), got {len(weights)}")


Side = Annotated[int, Field(ge=16, le=8192)]
Seconds = Annotated[float, Field(ge=0, le=3600)]


SIZES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"16:9": (1280, 720), "4:3": (960, 720), "1:1": (720, 720), "9:16": (720, 1280)}
)
"""Sizes by aspect ratio; the shorter side is 720 pixels."""


class SlowMotion(_Part):
    """A stretch of the film in slow motion. The length of the film stays the same: the rest plays faster."""

    at: float
    """Middle of the stretch, a time t or a log-SNR; the nearest visited state of the first run is used."""
    by: Literal["t", "log-snr"] = "t"
    """Quantity in which 'at' and 'width' are given."""
    factor: float = Field(default=3, ge=1, le=100)
    """Slowdown in the middle: how many times slower than the parts at normal speed."""
    width: float | None = Field(default=None, gt=0)
    """Full width of the stretch at half the slowdown, in t or log-SNR; a tenth of the run's range if omitted."""


_LASTS = "write 'frames: NUMBER'; the film lasts frames / fps seconds, plus 'hold'"
_IS_SIZED = "write 'size: [WIDTH, HEIGHT]', in pixels"


class FilmSettings(_Part):
    """Settings of the film.

    Attributes:
        hints: What to write instead, for keys that users try.
    """

    hints: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            **dict.fromkeys(("duration", "length", "seconds"), _LASTS),
            **dict.fromkeys(("width", "height", "resolution", "dimensions"), _IS_SIZED),
            **dict.fromkeys(("frame_rate", "framerate", "rate"), "write 'fps: NUMBER', in frames per second"),
            "speed": "write 'fps: NUMBER', in frames per second, or fewer 'frames'",
        }
    )

    frames: int = Field(default=120, ge=1, le=100_000)
    """Number of moving frames, not counting holds."""
    fps: float = Field(default=25, ge=0.01, le=120)
    """Frames per second."""
    size: tuple[Side, Side] = (1280, 720)
    """[width, height] in pixels, each from 16 to 8,192; or an aspect ratio, 16:9, 4:3, 1:1 or 9:16, whose shorter side
    is 720 pixels."""
    hold: tuple[Seconds, Seconds] = (0.7, 1.2)
    """Seconds to hold the first and the last frame, each up to 3,600; one number for both."""
    theme: str = "dark"
    """Colours and font: dark, light, paper, blackboard, or a YAML file that modifies one, or an .mplstyle file."""
    align: Literal["progress", "t", "log-snr", "calls"] = "progress"
    """Quantity in which frames are evenly spaced, and by which runs are synchronised: share of the steps, t, log-SNR or
    denoiser calls."""
    ease: Literal["in-out", "linear"] = "in-out"
    """Pace: in-out starts and ends gently, linear is constant."""
    slow: tuple[SlowMotion, ...] = ()
    """Stretches in slow motion."""
    reverse: bool = False
    """Whether the film plays backwards."""
    boomerang: bool = False
    """Whether the film then plays back to its start."""
    poster: bool = False
    """Whether the film opens with one frame of its end, for thumbnails; in a loop it continues the end."""
    loop: bool = True
    """Whether players repeat the film."""
    time_bar: bool = True
    """Whether a thin bar at the bottom shows the progress."""

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
        return _pair(hold, "must be seconds, as one number or as [first, last]")

    @property
    def rate(self) -> Fraction:
        """Frames per second as an exact fraction."""
        return Fraction(str(self.fps)).limit_denominator(100_000)


@dataclass(frozen=True, slots=True)
class SceneDocument:
    """The source of a scene.

    Attributes:
        text: Text of the file; of a scene written in Python, its description.
        name: Name of the file in errors.
        folder: Folder that relative paths start from.
        root: The values as written, before overrides.
        registry: Registry of its plugins.
        overrides: Values set outside the file.
        places: Place and path of each value as written, by its path in the finished scene.
    """

    text: str
    name: str
    folder: Path
    root: Node
    registry: Registry = field(repr=False, compare=False)
    overrides: tuple[Override, ...] = ()
    places: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def given(self) -> dict[str, Any]:
        """The text and overrides of the scene, to store with outputs and weights so that they can be reproduced."""
        return {"scene": self.text, "set": [change.text for change in self.overrides]}

    def problem(self, path: str, message: str) -> Problem:
        """Return a problem found after loading, at the place where the value, or what it belongs to, was written.

        Args:
            path: ``runs.NAME.KEY``, ``panels.INDEX.KEY``, ``film.KEY`` or another key, as in `SceneSpec`.
            message: What is wrong.
        """
        known = path
        while known and known not in self.places:
            known = known.rpartition(".")[0]
        place, written = self.places.get(known, (str(self.root.place), ""))
        return Problem(place, written if known == path else path, message)


class SceneHeader(_Part):
    """Settings of a scene besides its runs and panels."""

    title: str | None = None
    """Title above the panels, with live values such as {t}."""
    subtitle: str = ""
    """Line below the title, with live values."""
    caption: str = ""
    """Line below the panels, with live values."""
    description: str = ""
    """Description of the film, for lists and screen readers."""
    layout: Layout = Layout()
    """Arrangement of the panels; a roughly square grid if omitted."""
    film: FilmSettings = FilmSettings()
    """Settings of the film: frames, speed, size, theme."""


class SceneSpec(SceneHeader):
    """A whole scene.

    Attributes:
        runs: Runs by name, in the order of the file.
        panels: Panels in the order of the file; at least one.
        theme: Theme that ``film.theme`` names.
        document: Document that the scene was read from.
    """

    runs: dict[str, RunSpec]
    panels: tuple[PanelSpec, ...]
    theme: Theme
    document: InstanceOf[SceneDocument]

    @property
    def lead(self) -> PanelSpec:
        """The panel whose moment the time bar and the text over the film show."""
        return leading(self.panels)

    @property
    def arrangement(self) -> Arrangement:
        """Arrangement of the panels in the film's frame."""
        layout = self.layout
        return Arrangement(layout.cells(self.panels), *layout.tracks(self.panels)).for_frame(self.film.size)

    @property
    def run_order(self) -> tuple[RunSpec, ...]:
        """The runs, each after those that it depends on."""
        graph = {name: spec.depends_on for name, spec in self.runs.items()}
        return tuple(self.runs[name] for name in TopologicalSorter(graph).static_order())
