"""Workers: drawing a film's frames in this process or in several others, with identical pixels.

Other processes receive drawings and return pixels. They load no plugins: marks are sent as those that canvases know.
"""

from __future__ import annotations

import io
import pickle
import signal
import sys
import traceback
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import fields, replace
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Lock
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from ..canvas.raster import RasterCanvas
from ..canvas.shapes import NATIVE, lowered
from ..contracts.figure import Drawing, Figure, Panel
from ..contracts.marks import Shades
from ..contracts.theme import Theme
from ..support.errors import NoisereelError

if TYPE_CHECKING:
    from ..contracts.geometry import Pixels
    from ..contracts.marks import Mark
    from ..film.composition import Film
    from ..registry import Registry

__all__ = ["pixels_of"]

_AHEAD = 2
"""Drawings per process that are computed ahead: the one being drawn and the next one."""

_STARTING = Lock()
"""Held while the main module is hidden, so that one thread does not hide it while another one puts it back."""


def pixels_of(film: Film, registry: Registry, workers: int, *, finely: bool = False) -> Generator[Pixels, None, None]:
    """Yield every frame of a film in order. Close the generator to stop early.

    Args:
        film: The film.
        registry: Registry of its plugins.
        workers: Number of drawing processes; 1 draws in this one.
        finely: Whether to draw at twice the size and average 2×2 pixels, for smoother edges and thin lines.

    Raises:
        NoisereelError: A plugin raised, or a drawing process died.
    """
    shown = film.doubled(registry) if finely else film
    count = min(workers, len(film.frames))
    if count > 1:
        yield from _drawn_in_processes(shown, count, finely=finely)
        return
    artist = _Artist(shown.figure, finely)
    for index in range(len(shown.frames)):
        yield artist.draw(shown.drawing(index))


class _Artist:
    """Draws frames.

    Args:
        figure: The parts that do not move.
        finely: Whether the figure has twice the film's size.
    """

    def __init__(self, figure: Figure, finely: bool) -> None:
        self._canvas, self._finely = RasterCanvas(figure), finely

    @property
    def figure(self) -> Figure:
        """The parts that do not move."""
        return self._canvas.figure

    def draw(self, drawing: Drawing) -> Pixels:
        """Draw one frame, at the film's size."""
        pixels = self._canvas.draw(drawing)
        return _halved(pixels) if self._finely else pixels


def _halved(pixels: Pixels) -> Pixels:
    """Return the mean of each block of 2×2 pixels, with colours weighted by alpha."""
    quarters = np.stack([pixels[i::2, j::2] for i in (0, 1) for j in (0, 1)]).astype(np.float32)
    mean = quarters.mean(0)
    if pixels.shape[2] == 4:
        alpha = quarters[..., 3:]
        mean[..., :3] = (quarters[..., :3] * alpha).sum(0) / np.maximum(alpha.sum(0), 1)
    halved: Pixels = (mean + 0.5).astype(np.uint8)
    return halved


def _drawn_in_processes(film: Film, count: int, *, finely: bool) -> Generator[Pixels, None, None]:
    """Yield frames from ``count`` processes, each with a thread that sends it drawings and receives pixels.

    `ProcessPoolExecutor` would wait forever for a process that is killed while it sends pixels.
    """
    panels = film.figure.panels
    figure = replace(film.figure, panels=tuple(replace(p, backdrop=_lowered(p, p.backdrop)) for p in panels))
    prelude = _packed((figure, finely))
    free: SimpleQueue[Connection] = SimpleQueue()  # connections to the processes that wait for a drawing
    pending: deque[Future[Pixels]] = deque()
    # The processes end first, then the threads that wait for them, and then the connections are closed.
    with ExitStack() as connections, ThreadPoolExecutor(count) as threads, ExitStack() as processes:
        started = [connections.enter_context(processes.enter_context(_process())) for _ in range(count)]
        for connection in started:
            with _deaths():
                connection.send_bytes(prelude)
            free.put(connection)
        for index in range(len(film.frames)):
            if len(pending) == _AHEAD * count:
                yield pending.popleft().result()
            drawing = film.drawing(index)
            marks = tuple(map(_lowered, panels, drawing.marks))
            content = _packed((marks, drawing.words, drawing.progress))
            pending.append(threads.submit(_drawn, content, free))
        while pending:
            yield pending.popleft().result()


def _lowered(panel: Panel, marks: Sequence[Mark]) -> tuple[Mark, ...]:
    return tuple(native for mark in marks for native in lowered(mark, panel.view))


def _drawn(content: bytes, free: SimpleQueue[Connection]) -> Pixels:
    """Run in a thread: let a free process draw, and return the pixels or raise its error."""
    connection = free.get()
    try:
        with _deaths():
            connection.send_bytes(content)
            reply = connection.recv()
            if not isinstance(reply, Exception):
                pixels: Pixels = np.empty(reply, np.uint8)
                connection.recv_bytes_into(pixels.reshape(-1).data)
                return pixels
    finally:
        free.put(connection)
    raise reply


@contextmanager
def _deaths() -> Iterator[None]:
    """Convert errors of a connection, which mean that its process died, to one line."""
    try:
        yield
    except (EOFError, OSError) as error:
        message = "a drawing process died, perhaps out of memory: try fewer (-j)"
        raise NoisereelError(message) from error


@contextmanager
def _process() -> Iterator[Connection]:
    """Start a drawing process and yield the connection to it; leaving the context ends the process."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_draw, args=(theirs,), daemon=True)
    with _without_interrupts(), _without_main():
        process.start()
    theirs.close()  # only the process's copy stays open, so that the connection ends if it dies
    try:
        yield ours
    finally:
        process.terminate()
        process.join()
        process.close()


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


@contextmanager
def _without_main() -> Iterator[None]:
    """Hide the main module from processes started in this context.

    They would run it again, which repeats the work of a script that does not check ``__name__``, and fails in a
    notebook.
    """
    with _STARTING:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


class _Packer(pickle.Pickler):
    """Packs objects as instances of the engine's classes, where plugins derived their own from them."""

    def reducer_override(self, given: Any) -> Any:
        if isinstance(given, MappingProxyType):
            return dict, (dict(given),)
        if isinstance(given, str) and type(given) is not str:
            return str, (str.__str__(given),)
        for plain in (*NATIVE, Shades, Theme):
            if isinstance(given, plain) and type(given) is not plain:
                return plain, tuple(getattr(given, field.name) for field in fields(plain))
        return NotImplemented


def _packed(content: object) -> bytes:
    buffer = io.BytesIO()
    _Packer(buffer, protocol=5).dump(content)
    return buffer.getvalue()


def _draw(connection: Connection) -> None:
    """Run in a drawing process: receive a figure and then drawings; send the pixels of each, or the error."""
    if not hasattr(signal, "pthread_sigmask"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    artist: _Artist | None = None
    with suppress(EOFError, OSError):  # the other end is gone
        prelude = connection.recv_bytes()
        while True:
            content = connection.recv_bytes()
            try:
                artist = artist or _Artist(*pickle.loads(prelude))
                pixels = artist.draw(Drawing(artist.figure, *pickle.loads(content)))
            except Exception as error:
                connection.send(_sendable(error))
            else:
                connection.send(pixels.shape)
                connection.send_bytes(pixels.reshape(-1).data)


def _sendable(error: Exception) -> Exception:
    """Return the error with its traceback as a note, or its text if it cannot be sent."""
    error.add_note(traceback.format_exc())
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return NoisereelError(f"while drawing: {type(error).__name__}: {error}")
    return error
