"""Encoders: one per output, each in its own thread, so that encoding overlaps with drawing."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..canvas.raster import RasterCanvas
from ..contracts.calls import call
from ..contracts.theme import rgb
from ..contracts.writer import Frame, Sink, Writer, WriterContext
from ..support.environment import versions
from ..support.errors import UsageError, plugin_errors
from .files import opened

if TYPE_CHECKING:
    from ..contracts.geometry import Pixels
    from ..film.composition import Film
    from ..registry import Registry
    from ..support.files import AtomicFiles
    from .files import OutputPath
    from .options import RenderOptions

__all__ = ["EncoderThread", "check_names", "check_outputs", "encoder", "rate_warnings"]

_QUEUE = 4  # frames between drawing and writing: enough to absorb delays, at little memory


def writer_of(output: OutputPath, registry: Registry) -> Writer:
    """Return the writer for an output's suffix."""
    return cast(Writer, registry.create("writer", output.writer))


def check_outputs(outputs: Sequence[OutputPath], frames: int, registry: Registry, *, transparent: bool) -> None:
    """Refuse outputs that no writer could write, before anything is simulated.

    Raises:
        UsageError: An output holds one picture but the film has several frames, or its format has no transparency.
    """
    for output in outputs:
        writer, path = writer_of(output, registry), output.path
        if writer.still and frames > 1 and not output.numbered:
            numbered = path.with_name(f"{path.stem}-{{frame:04d}}{path.suffix}")
            raise UsageError(
                f"{path}: holds one picture, not {frames}: take a still instead, or number the files: {numbered}"
            )
        if transparent and not writer.alpha:
            raise UsageError(f"{path}: {path.suffix} has no transparency: use .gif or .png")


def check_names(outputs: Sequence[OutputPath], visits: Iterable[tuple[int, float]]) -> list[Path]:
    """Refuse file names that two visits would share; return the files of numbered outputs.

    Args:
        outputs: The outputs.
        visits: The visit and time of each frame.

    Raises:
        UsageError: Two visits would be written to one file.
    """
    frames = [*enumerate(visits)]
    paths: list[Path] = []
    for output in outputs:
        taken: dict[Path, int] = {}
        for frame, (index, t) in frames if output.numbered else ():
            path = output.file(frame, index, t)
            if taken.setdefault(path, index) != index:
                raise UsageError(f"{output.path}: visits {taken[path]} and {index} would both be {path}; use {{step}}")
        paths += taken
    return paths


def rate_warnings(outputs: Sequence[OutputPath], frames: int, fps: Fraction, registry: Registry) -> Iterator[str]:
    """Yield a warning for each output whose format cannot play a film at this rate."""
    for output in outputs:
        if (
            frames > 1
            and not output.numbered
            and (warning := call(writer_of(output, registry), "rate_warning", fps, returns=(str, type(None))))
        ):
            yield f"{output.path}: {warning}"


@dataclass(frozen=True, slots=True)
class _Destination:
    """The destination of one output's frames.

    Attributes:
        output: The output.
        writer: Its writer.
        ctx: Settings of the film and of the file.
        files: Provides temporary files for numbered outputs.
        sink: The open file of an output that is one file; None if it is numbered.
    """

    output: OutputPath
    writer: Writer
    ctx: WriterContext
    files: AtomicFiles
    sink: Sink | None


class EncoderThread:
    """A queue of frames and the thread that writes them.

    Attributes:
        takes: Content of frames that its writer takes.
    """

    def __init__(self, to: _Destination, advance: Callable[[int], None]) -> None:
        self.takes = to.writer.takes
        self._to, self._advance = to, advance
        self._done: dict[Path, int] = {}
        self._error: BaseException | None = None
        self._queue: queue.Queue[tuple[Frame, Path, int] | None] = queue.Queue(_QUEUE)
        self._thread = threading.Thread(target=self._work, name=f"write {to.output.path.name}", daemon=True)
        self._thread.start()

    def put(self, frame: Frame, visit: tuple[int, float]) -> None:
        """Queue the next frame; blocks while the queue is full.

        Args:
            frame: The frame.
            visit: Index and time of the visited state that names the file of a numbered output.

        Raises:
            BaseException: The error that stopped the writing.
        """
        if self._error is not None:
            raise self._error
        self._queue.put((frame, self._to.output.file(frame.index, *visit), visit[0]))

    def finish(self) -> None:
        """Wait until everything is written.

        Raises:
            BaseException: The error that stopped the writing.
        """
        self._queue.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def abandon(self) -> None:
        """Stop as soon as the current frame is written."""
        self._error = self._error or InterruptedError()
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._error is None:  # otherwise just drain, so that put() never blocks on a thread that has failed
                try:
                    self._write(*item)
                except BaseException as error:  # raised again by put and finish
                    self._error = error

    def _write(self, frame: Frame, path: Path, index: int) -> None:
        with plugin_errors(f"writer {type(self._to.writer).__name__} (frame {frame.index})"):
            self._encode(frame, path, index)
        if frame.index:  # the first frame is counted when the file is complete
            self._advance(1)

    def _encode(self, frame: Frame, path: Path, index: int) -> None:
        to = self._to
        if to.sink is not None:
            to.sink.write(frame)
        elif self._done.get(path) != index:  # one file per visit: frames that show it again add nothing
            with opened(to.writer, replace(to.ctx, path=to.files.part(path)), path) as sink:
                sink.write(frame)
            self._done[path] = index


@contextmanager
def encoder(
    output: OutputPath,
    film: Film,
    writer: Writer,
    options: RenderOptions,
    files: AtomicFiles,
    *,
    part: Path | None,
    advance: Callable[[int], None],
) -> Iterator[EncoderThread]:
    """Start the encoder of one output; leaving the context waits for its files, or discards them after an error.

    Args:
        output: The output.
        film: The film.
        writer: The output's writer.
        options: Quality and transparency.
        files: Provides temporary files for numbered outputs.
        part: The temporary file of an output that is one file.
        advance: Called for every frame written.
    """
    ctx = _writer_context(output, film, options)
    name = f"writer {type(writer).__name__}"
    with ExitStack() as stack:
        sink = None
        if part is not None:
            ctx = replace(ctx, path=part)
            with plugin_errors(f"{name} (open)"):
                sink = stack.enter_context(opened(writer, ctx, output.path))
        thread = EncoderThread(_Destination(output, writer, ctx, files, sink), advance)
        try:
            yield thread
            thread.finish()
        except BaseException:
            thread.abandon()
            raise
        with plugin_errors(f"{name} (close)"):
            stack.close()
    advance(1)


def _writer_context(output: OutputPath, film: Film, options: RenderOptions) -> WriterContext:
    settings = film.scene.film

    def sample(n: int) -> Sequence[Pixels]:
        canvas, last = RasterCanvas(film.figure), len(film.frames) - 1
        intervals = min(n - 1, last)
        return [canvas.draw(film.drawing(round(i * last / max(1, intervals)))) for i in range(intervals + 1)]

    return WriterContext(
        path=output.path,
        size=settings.size,
        fps=settings.rate,
        loop=settings.loop,
        alpha=options.transparent,
        background=rgb(film.figure.theme.color("background")),
        quality=options.quality,
        metadata=_metadata(film),
        sample=sample,
    )


def _metadata(film: Film) -> dict[str, str]:
    """Return title, description, and everything needed to render the film again: scene, seeds and versions."""
    scene = film.scene
    source: dict[str, Any] = {
        **scene.document.given,
        "seeds": {name: spec.seed for name, spec in scene.runs.items()},
        "versions": dict(zip(("noisereel", "torch", "numpy"), versions(), strict=True)),
    }
    metadata = {"title": scene.title or "", "description": scene.description, "noisereel": json.dumps(source)}
    return {key: value for key, value in metadata.items() if value}
