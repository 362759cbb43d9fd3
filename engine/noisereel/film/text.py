"""Text over a film: titles, captions and the time bar's labels, padded so that live values do not make it jitter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..layout import FrameText, Line
from ..support.template import Template

if TYPE_CHECKING:
    from ..contracts.renderer import RunView
    from ..contracts.trajectory import Trajectory
    from ..scene import PanelSpec, SceneSpec
    from .timeline import FrameSpec

__all__ = ["FilmText", "film_text", "has_bar", "shown_indices"]


@dataclass(frozen=True, slots=True)
class LiveText:
    """One line of text over the film, padded to a constant width.

    Attributes:
        rows: The text of each frame.
    """

    rows: tuple[str, ...]

    @property
    def line(self) -> Line:
        """The line to lay out: its widest text, and whether it changes."""
        return Line(max(self.rows, key=len, default=""), len(set(self.rows)) > 1)


@dataclass(frozen=True, slots=True)
class FilmText:
    """All text over a film.

    Attributes:
        title: Title of the film.
        subtitle: Line below the title.
        caption: Line below the panels.
        bar: Left label of the time bar; None without a bar.
        bar_end: Right label of the time bar.
        panel_titles: Title of each panel.
        panel_captions: Caption of each panel.
    """

    title: LiveText
    subtitle: LiveText
    caption: LiveText
    bar: LiveText | None
    bar_end: str
    panel_titles: tuple[LiveText, ...]
    panel_captions: tuple[LiveText, ...]

    @property
    def frame(self) -> FrameText:
        """The text outside panels, to lay out."""
        bar = None if self.bar is None else (self.bar.line.text, self.bar_end)
        return FrameText(self.title.line, self.subtitle.line, self.caption.line, bar)

    def words(self, frames: int) -> tuple[tuple[str, ...], ...]:
        """Return the text of each live slot for each frame, in the order of a figure's slots."""
        texts = (self.title, self.subtitle, *self.panel_titles, *self.panel_captions, self.caption)
        rows = [text.rows for text in texts if text.line.live]
        rows += [] if self.bar is None else [self.bar.rows]
        return tuple(zip(*rows, strict=True)) or ((),) * frames


def film_text(scene: SceneSpec, runs: Mapping[str, RunView], frames: Sequence[FrameSpec]) -> FilmText:
    """Fill in the live values of all text over a film, measuring the metrics that it uses."""
    lead = scene.lead
    bar = "t = {t}" if scene.runs[lead.run].training is None else "training step {trained}"

    def of_panel(text: str, spec: PanelSpec) -> LiveText:
        return _live(text, runs[spec.run], [shown_indices(spec, runs, frame)[spec.run] for frame in frames])

    return FilmText(
        title=of_panel(scene.title or "", lead),
        subtitle=of_panel(scene.subtitle, lead),
        caption=of_panel(scene.caption, lead),
        bar=of_panel(bar, lead) if has_bar(scene) else None,
        bar_end=_end_label(runs[lead.run].trajectory),
        panel_titles=tuple(of_panel(spec.title or "", spec) for spec in scene.panels),
        panel_captions=tuple(of_panel(spec.caption, spec) for spec in scene.panels),
    )


def _live(text: str, run: RunView, indices: Sequence[int]) -> LiveText:
    template = Template(text)
    values = {index: run.live_values(index, template.names) for index in dict.fromkeys(indices)}
    return LiveText(tuple(template.pad([values[index] for index in indices])))


def has_bar(scene: SceneSpec) -> bool:
    """Return whether a time bar is shown: the scene enables it, and at least one panel moves."""
    return scene.film.time_bar and any(panel.at is None for panel in scene.panels)


def shown_indices(spec: PanelSpec, runs: Mapping[str, RunView], frame: FrameSpec) -> Mapping[str, int]:
    """Return the visit of each run that a panel shows in a frame: the film's, or the one at the panel's own time."""
    if spec.at is None:
        return frame.indices
    return {name: run.trajectory.nearest(spec.at) for name, run in runs.items()}


def _end_label(run: Trajectory) -> str:
    end = run.times[-1]
    if run.training is not None:
        return Template("{t} steps").format({"t": end})
    return Template("T = {t}" if end == run.schedule.T else "t = {t}").format({"t": end})
