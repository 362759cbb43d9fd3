"""Workers: drawing a film's frames in this process or in several others, with identical pixels."""

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

from ..canvas.raster import RasterCanvas
from ..film.composition import Film, compose, run_views
from ..registry import load_registry
from ..scene import parse_scene
from ..simulation.data import load_all
from ..simulation.plan import plan_runs
from ..simulation.simulate import SimulationContext, reopen
from ..simulation.store import TrajectoryStore
from ..support.errors import NoisereelError
from ..support.threads import threads

if TYPE_CHECKING:
    from ..contracts.geometry import Pixels
    from ..film.timeline import FrameSpec
    from ..registry import Registry
    from ..scene import SceneDocument

__all__ = ["Drawn", "pixels_of"]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A film to draw, and the data that other processes need to rebuild it.

    Attributes:
        film: The film; for several workers, its scene must be the one that its document describes.
        folders: Folder of each run's arrays; None if they are in memory.
        registry: Registry of the film's plugins.
    """

    film: Film
    folders: Mapping[str, Path | None]
    registry: Registry


def pixels_of(drawn: Drawn, workers: int, *, finely: bool = False) -> Generator[Pixels, None, None]:
    """Yield every frame of a film in order. Close the generator to stop early.

    Args:
        drawn: The film; for several workers, its arrays must be on disk.
        workers: Number of drawing processes; 1 draws in this one.
        finely: Whether to draw at twice the size and average 2×2 pixels, for smoother edges and thin lines.
    """
    # A single frame is not worth other processes, which could not rebuild a strip's panels from the document anyway.
    count = min(workers, len(drawn.film.frames))
    if count > 1:
        return _drawn_in_processes(_Recipe.of(drawn, finely), count)
    return _drawn(drawn.film, range(len(drawn.film.frames)), drawn.registry, finely)


def _drawn(film: Film, indices: Sequence[int], registry: Registry, finely: bool) -> Generator[Pixels, None, None]:
    shown = film.doubled(registry) if finely else film
    canvas = RasterCanvas(shown.figure)
    for index in indices:
        pixels = canvas.draw(shown.drawing(index))
        yield _halved(pixels) if finely else pixels


def _halved(pixels: Pixels) -> Pixels:
    """Return the mean of each block of 2×2 pixels, with colours weighted by alpha."""
    quarters = np.stack([pixels[i::2, j::2] for i in (0, 1) for j in (0, 1)]).astype(np.float32)
    mean = quarters.mean(0)
    if pixels.shape[2] == 4:
        alpha = quarters[..., 3:]
        mean[..., :3] = (quarters[..., :3] * alpha).sum(0) / np.maximum(alpha.sum(0), 1)
    halved: Pixels = (mean + 0.5).astype(np.uint8)
    return halved


def _drawn_in_processes(recipe: _Recipe, count: int) -> Generator[Pixels, None, None]:
    """Yield frames from ``count`` processes; each draws every count-th, and waits until its last one is received."""
    with ExitStack() as stack:
        with _without_interrupts():
            pipes = [stack.enter_context(_process(recipe, first, count)) for first in range(count)]
        for index in range(len(recipe.frames)):
            yield _received(pipes[index % count])


@contextmanager
def _process(recipe: _Recipe, first: int, count: int) -> Iterator[Connection]:
    """Start a drawing process and yield the connection to receive from; leaving the context ends the process."""
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_draw, args=(recipe, first, count, sender), daemon=True)
    process.start()
    sender.close()  # only the process's copy stays open, so that the pipe ends if it dies
    try:
        yield receiver
    finally:
        _end(process)
        receiver.close()


def _end(process: BaseProcess) -> None:
    process.terminate()
    process.join()
    process.close()


def _received(pipe: Connection) -> Pixels:
    try:
        result = pipe.recv()
    except EOFError:
        message = "a drawing process died, perhaps out of memory: try fewer (-j)"
        raise NoisereelError(message) from None
    if isinstance(result, BaseException):
        raise result
    pixels: Pixels = result
    return pixels


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Block Ctrl-C permanently in processes started in this context; this process receives it on leaving the context.

    A terminal sends it to the whole process group, but only this process handles it.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # if started inside, it would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass(frozen=True, slots=True)
class _Recipe:
    """Everything that a drawing process needs to draw any frame: text and paths, not plugin objects."""

    document: SceneDocument
    plugin_files: tuple[Path, ...]
    folders: Mapping[str, Path]
    shown: Mapping[str, Sequence[int]]
    frames: tuple[FrameSpec, ...]
    transparent: bool
    finely: bool

    @classmethod
    def of(cls, drawn: Drawn, finely: bool) -> _Recipe:
        film = drawn.film
        return cls(
            film.scene.document,
            drawn.registry.files,
            {name: _on_disk(folder) for name, folder in drawn.folders.items()},
            {name: run.shown for name, run in film.runs.items()},
            film.frames,
            film.figure.transparent,
            finely,
        )

    def film(self, registry: Registry) -> Film:
        """Rebuild the film through the registry from the arrays on disk."""
        document = self.document
        scene = parse_scene(document.text, document.name, document.folder, registry, document.overrides)
        ctx = SimulationContext(registry, TrajectoryStore(None, Path()))
        runs = reopen(scene, plan_runs(scene), load_all(scene, registry), self.folders, ctx)
        return compose(scene, run_views(scene, runs, self.shown), self.frames, registry, transparent=self.transparent)


def _on_disk(folder: Path | None) -> Path:
    assert folder is not None, "drawing processes need arrays on disk"
    return folder


def _draw(recipe: _Recipe, first: int, count: int, pipe: Connection) -> None:
    """Run in a drawing process: draw every count-th frame, and send it or the error that stopped it."""
    with threads(1):
        try:
            registry = load_registry(recipe.plugin_files)
            film = recipe.film(registry)
            for pixels in _drawn(film, range(first, len(film.frames), count), registry, recipe.finely):
                pipe.send(pixels)
        except BrokenPipeError:
            return  # the receiver is gone
        except Exception as error:
            pipe.send(_sendable(error))


def _sendable(error: Exception) -> Exception:
    """Return the error with its traceback as a note, or its text if it cannot be sent."""
    error.add_note(traceback.format_exc())
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return NoisereelError(f"while drawing: {type(error).__name__}: {error}")
    return error
