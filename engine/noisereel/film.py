"""The pipeline: simulate, then draw and encode at the same time; all files appear together at the end, or none."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import repeat
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from .compiled import Compile, Compiler, as_it_is
from .compose import Film, check_panels, compose
from .drawing import pixels_of
from .errors import NoisereelError, SceneError
from .options import Options
from .output import Files, Output
from .progress import Progress
from .record import Record, nearest
from .recorder import Shelf
from .reel import Reel, check_names, check_outputs, delays, reel
from .run import Plan
from .scene.advice import advice
from .simulation import live_runs, load_all, plans_of, shown_visits, simulate, tell
from .subject import check_metrics, subjects_of
from .timeline import Tick, TimelineError, timeline
from .writer import Frame, Pixels

if TYPE_CHECKING:
    from .dataset import Data
    from .registry import Registry
    from .scene import Scene

__all__ = [
    "Options",
    "Summary",
    "TickMaker",
    "check",
    "film_ticks",
    "live_runs",
    "plans_of",
    "render",
    "shown_visits",
    "simulate",
]


@dataclass(frozen=True, slots=True)
class Summary:
    """What was done.

    Attributes:
        files: What was written.
        frames: Frames drawn.
        duration: Length of the film, in seconds.
        simulated: Seconds spent simulating.
        filmed: Seconds spent drawing and encoding.
        cached: Whether every run came from the cache.
        compiled: What compiling cost and saved, if anything was compiled.
    """

    files: tuple[Path, ...]
    frames: int
    duration: Fraction
    simulated: float
    filmed: float
    cached: bool
    compiled: str | None = None


TickMaker = Callable[[Mapping[str, Plan], Mapping[str, Sequence[int]] | None], tuple[Tick, ...]]
"""From plans, and calls by run once they are known, to the moments to draw."""


def film_ticks(
    scene: Scene, plans: Mapping[str, Plan], calls: Mapping[str, Sequence[int]] | None = None
) -> tuple[Tick, ...]:
    """The moments of the scene's film. Before calls are counted, ``align: calls`` is taken as by progress.

    Raises:
        NoisereelError: Its runs cannot be aligned as the film asks.
    """
    film = scene.film
    try:
        return timeline(
            {name: plan.levels for name, plan in plans.items()},
            frames=film.frames,
            fps=film.rate,
            hold=film.hold,
            ease=film.ease,
            align="progress" if film.align == "calls" and calls is None else film.align,
            slow=film.slow,
            reverse=film.reverse,
            boomerang=film.boomerang,
            poster=film.poster,
            calls=calls or {},
            training={name: plan.training for name, plan in plans.items() if plan.training is not None},
        )
    except TimelineError as error:
        raise SceneError([scene.source.problem(f"film.{error.field}", str(error))]) from error


def check(
    scene: Scene,
    registry: Registry,
    outputs: Sequence[Output] = (),
    options: Options | None = None,
    make_ticks: TickMaker | None = None,
) -> None:
    """Everything that can be refused without simulating: data that cannot be read, layers that cannot show it, paths.

    Args:
        scene: The scene.
        registry: Where plugins are found.
        outputs: Where to write, as for `render`.
        options: How, as for `render`.
        make_ticks: Which moments, as for `render`.

    Raises:
        NoisereelError: What is wrong, and where.
    """
    quiet = Progress(quiet=True)
    _Job(scene, outputs, options or Options(), registry, quiet, make_ticks or partial(film_ticks, scene)).checked()


def render(
    scene: Scene,
    outputs: Sequence[Output],
    options: Options,
    registry: Registry,
    progress: Progress,
    make_ticks: TickMaker | None = None,
) -> Summary:
    """Simulate a scene (or take it from the cache), draw it and write every output.

    Args:
        scene: What to show.
        outputs: Where to; all are written from one drawing.
        options: How.
        registry: Where plugins are found.
        progress: Shows how far things are.
        make_ticks: Which moments; the scene's film by default.

    Raises:
        NoisereelError: Something a user can mend. Outputs are left as they were.
    """
    began = perf_counter()
    job = _Job(scene, outputs, options, registry, progress, make_ticks or partial(film_ticks, scene))
    compiler = Compiler(progress.warn) if options.compile else None
    plans, ticks, data = job.planned()
    with Files() as files, _scratch() as scratch:
        # Now, since what cannot be written had better be known before all the work.
        parts = [None if output.numbered else files.part(output.path) for output in outputs]
        records, ticks, cached = job.simulated(plans, ticks, data, Shelf(options.cache, scratch), compiler or as_it_is)
        simulated = perf_counter() - began
        job.write(job.composed(records, ticks), files, parts)
    for file in files.paths:
        tell(registry, "film_finished", path=file)
    duration = sum((tick.duration for tick in ticks), Fraction(0))
    filmed = perf_counter() - began - simulated
    said = None if compiler is None else compiler.summary
    return Summary(files.paths, len(ticks), duration, simulated, filmed, cached, said)


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder for this program alone: whoever needs it makes it, and it is removed in the end."""
    try:
        folder = Path(tempfile.gettempdir()) / f"noisereel-{secrets.token_hex(8)}"
    except FileNotFoundError as error:
        raise NoisereelError("no folder for temporary files can be written to; name one in TMPDIR") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _Job:
    """The stages of one rendering; the arguments are those of `render`."""

    scene: Scene
    outputs: Sequence[Output]
    options: Options
    registry: Registry
    progress: Progress
    make_ticks: TickMaker

    def checked(self) -> tuple[dict[str, Plan], tuple[Tick, ...], dict[str, Data]]:
        """The times that each run visits, the moments to draw and each run's data; all that can be refused now is."""
        plans = plans_of(self.scene)
        ticks = self.make_ticks(plans, None)
        check_outputs(self.outputs, len(ticks), self.options, self.registry)
        check_names(self.outputs, _steps_of(self.scene, plans, ticks))
        data = load_all(self.scene, self.registry)
        subjects = subjects_of(self.scene, plans, data, self.registry)
        check_metrics(self.scene, subjects)
        check_panels(self.scene, subjects, self.registry)
        return plans, ticks, data

    def planned(self) -> tuple[dict[str, Plan], tuple[Tick, ...], dict[str, Data]]:
        """The same, and what is likely not meant is warned of."""
        plans, ticks, data = self.checked()
        for problem in advice(self.scene):
            self.progress.warn(str(problem))
        for warning in delays(self.outputs, len(ticks), self.scene.film.rate, self.registry):
            self.progress.warn(warning)
        return plans, ticks, data

    def simulated(
        self,
        plans: Mapping[str, Plan],
        ticks: tuple[Tick, ...],
        data: Mapping[str, Data],
        shelf: Shelf,
        compiler: Compile,
    ) -> tuple[dict[str, Record], tuple[Tick, ...], bool]:
        """The record of each run, the moments to draw, and whether all records were kept from before."""
        scene = self.scene
        # Curves follow the whole film, also in a still of it.
        shown = shown_visits(scene, plans, [*film_ticks(scene, plans), *ticks])
        records, cached = simulate(
            scene, plans, shown, self.options, shelf, self.registry, self.progress, data, compiler
        )
        if scene.film.align == "calls":
            ticks = _recounted(records, self.make_ticks(plans, {name: r.calls for name, r in records.items()}))
        return records, ticks, cached

    def composed(self, records: Mapping[str, Record], ticks: Sequence[Tick]) -> Film:
        """The film, with everything measured that it shows."""
        for warning in _lost(records):
            self.progress.warn(warning)
        film = compose(self.scene, records, ticks, self.registry, transparent=self.options.transparent)
        for record in records.values():
            try:
                record.save_values()
            except OSError as error:
                self.progress.warn(f"what was measured is not kept: {error.strerror or error}")
        return film

    def write(self, film: Film, files: Files, parts: Sequence[Path | None]) -> None:
        """Draw every tick once and hand it to every output."""
        # One step of the bar is one frame in one file, so that it is full when the last file is complete.
        total = len(film.ticks) * len(self.outputs)
        with self.progress.bar("filming", total) as advance, ExitStack() as stack:
            reels = [
                stack.enter_context(reel(output, film, self.options, self.registry, files, part, advance))
                for output, part in zip(self.outputs, parts, strict=True)
            ]
            pixels: Iterator[Pixels | None] = repeat(None)
            if any(each.takes == "pixels" for each in reels):
                pixels = stack.enter_context(
                    closing(pixels_of(film, self.options.workers, self.registry, finely=self.options.quality == "high"))
                )
            for index, (step, t) in enumerate(_steps_of(film.scene, film.records, film.ticks)):
                _hand_over(film, index, step, t, next(pixels), reels)


def _lost(records: Mapping[str, Record]) -> Iterator[str]:
    """What to say of runs that end with nothing that can be shown."""
    for name, record in records.items():
        step = record.kept_steps[-1]
        x = record.series("x", step)
        if x is not None and not np.isfinite(x).any():
            yield f"run '{name}': all particles are infinite or no numbers at its end, t = {record.levels[step].t:g}"


def _hand_over(film: Film, index: int, step: int, t: float, pixels: Pixels | None, reels: Sequence[Reel]) -> None:
    """Give every output what it takes of one tick."""
    for each in reels:
        content: Any = pixels
        if each.takes != "pixels":
            content = film.drawing(index) if each.takes == "drawing" else film.records
        each.put(Frame(index, film.ticks[index].duration, content), step, t)


def _steps_of(
    scene: Scene, runs: Mapping[str, Plan] | Mapping[str, Record], ticks: Sequence[Tick]
) -> Iterator[tuple[int, float]]:
    """The visit and time of each tick that file names may hold: the first panel's."""
    panel = scene.panels[0]
    times = runs[panel.run].times
    for tick in ticks:
        step = tick.steps[panel.run] if panel.at is None else nearest(times, panel.at)
        yield step, times[step]


def _recounted(records: Mapping[str, Record], ticks: Sequence[Tick]) -> tuple[Tick, ...]:
    """Ticks chosen after simulating: each shows the kept visit nearest to what it asks for."""
    out = []
    for tick in ticks:
        out.append(replace(tick, steps={name: _kept(records[name], step) for name, step in tick.steps.items()}))
    for name, record in records.items():
        record.shown = sorted({tick.steps[name] for tick in out} | {*record.shown})
    return tuple(out)


def _kept(record: Record, step: int) -> int:
    """The kept visit nearest to a visit."""
    return step if record.kept(step) else min(record.kept_steps, key=lambda kept: abs(kept - step))
