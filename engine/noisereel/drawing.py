"""Drawing a film's frames, in this process or in several others. The pixels are the same."""

from __future__ import annotations

import pickle
import signal
import traceback
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from .canvas.raster import RasterCanvas
from .compose import Film, compose
from .errors import NoisereelError
from .figure import Pixels
from .options import Options
from .record import Arrays, Record
from .recorder import recorded
from .registry import load_registry
from .scene import parse_scene
from .simulation import live_runs, plans_of

if TYPE_CHECKING:
    from .registry import Registry
    from .scene import Source
    from .timeline import Tick

__all__ = ["pixels_of"]


def pixels_of(film: Film, workers: int, registry: Registry, *, finely: bool = False) -> Generator[Pixels, None, None]:
    """Every frame of a film in order. Close the generator to stop early.

    Args:
        film: What to draw; with several workers, its records lie on disk and its scene is as its file says.
        workers: How many processes draw; 1 draws in this one.
        registry: Where the film's plugins came from.
        finely: Draw at twice the size and take the mean of 2×2 pixels: edges of surfaces and thin lines are smoother.
    """
    # A single frame is not worth other processes; nor could they make a still's own panels from the scene's file.
    count = min(workers, len(film.ticks))
    if count > 1:
        return _drawn_apart(_Facts.of(film, registry, finely), count)
    return _drawn(film, range(len(film.ticks)), registry, finely)


def _drawn(film: Film, indices: Sequence[int], registry: Registry, finely: bool) -> Generator[Pixels, None, None]:
    shown = film.doubled(registry) if finely else film
    canvas = RasterCanvas(shown.figure)
    for index in indices:
        pixels = canvas.draw(shown.drawing(index))
        yield _halved(pixels) if finely else pixels


def _halved(pixels: Pixels) -> Pixels:
    """The mean of every 2×2 pixels; where they are transparent, colours count by their alpha."""
    quarters = np.stack([pixels[i::2, j::2] for i in (0, 1) for j in (0, 1)]).astype(np.float32)
    mean = quarters.mean(0)
    if pixels.shape[2] == 4:
        alpha = quarters[..., 3:]
        mean[..., :3] = (quarters[..., :3] * alpha).sum(0) / np.maximum(alpha.sum(0), 1)
    halved: Pixels = (mean + 0.5).astype(np.uint8)
    return halved


def _drawn_apart(facts: _Facts, count: int) -> Generator[Pixels, None, None]:
    """Each of ``count`` processes draws every count-th frame, and waits until the one before was taken."""
    with ExitStack() as stack:
        with _without_interrupts():
            lanes = [stack.enter_context(_lane(facts, first, count)) for first in range(count)]
        for index in range(len(facts.ticks)):
            yield _received(lanes[index % count])


@contextmanager
def _lane(facts: _Facts, first: int, count: int) -> Iterator[Connection]:
    """What a new process sends; leaving the context ends the process."""
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_draw, args=(facts, first, count, theirs), daemon=True)
    process.start()
    theirs.close()  # theirs alone is left open, so that its death is the end of the pipe
    try:
        yield ours
    finally:
        _end(process)
        ours.close()


def _end(process: BaseProcess) -> None:
    process.terminate()
    process.join()
    process.close()


def _received(lane: Connection) -> Pixels:
    try:
        sent = lane.recv()
    except EOFError:
        said = "a drawing process died, perhaps for want of memory: try fewer (-j)"
        raise NoisereelError(said) from None
    if isinstance(sent, BaseException):
        raise sent
    pixels: Pixels = sent
    return pixels


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Hold Ctrl-C back from processes started meanwhile, for good; it reaches this one at the end of the block.

    A terminal sends it to the whole group, but this process alone has to answer it.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # would lift the mask when started inside
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a drawing process needs to draw any tick: text and paths, never live plugins."""

    source: Source
    plugin_files: tuple[Path, ...]
    folders: Mapping[str, Path]
    shown: Mapping[str, Sequence[int]]
    ticks: tuple[Tick, ...]
    transparent: bool
    finely: bool

    @classmethod
    def of(cls, film: Film, registry: Registry, finely: bool) -> _Facts:
        return cls(
            film.scene.source,
            registry.files,
            {name: _on_disk(record) for name, record in film.records.items()},
            {name: record.shown for name, record in film.records.items()},
            film.ticks,
            film.figure.transparent,
            finely,
        )

    def film(self, registry: Registry) -> Film:
        """The film, rebuilt through the registry from the records on disk."""
        source = self.source
        scene = parse_scene(source.text, source.name, source.folder, registry, source.overrides)
        plans, records = plans_of(scene), dict[str, Record]()
        for run, _ in live_runs(scene, plans, Options(), records, {}, registry=registry):
            name = run.spec.name
            records[name] = recorded(run, Arrays.load(self.folders[name]), self.shown[name], self.folders[name])
        return compose(scene, {n: records[n] for n in scene.runs}, self.ticks, registry, transparent=self.transparent)


def _on_disk(record: Record) -> Path:
    assert record.folder is not None, "records were asked to lie on disk for the drawing processes"
    return record.folder


def _draw(facts: _Facts, first: int, count: int, lane: Connection) -> None:
    """What a drawing process does: every count-th frame, or what went wrong."""
    torch.set_num_threads(1)
    try:
        registry = load_registry(facts.plugin_files)
        film = facts.film(registry)
        for pixels in _drawn(film, range(first, len(film.ticks), count), registry, facts.finely):
            lane.send(pixels)
    except BrokenPipeError:
        return  # nobody is left to draw for
    except Exception as error:
        lane.send(_sendable(error))


def _sendable(error: Exception) -> Exception:
    """The error with its traceback as a note, or its words if it cannot be sent."""
    error.add_note(traceback.format_exc())
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return NoisereelError(f"while drawing: {type(error).__name__}: {error}")
    return error
