"""Reels: one output on its way, encoded in a thread of its own while the next frames are drawn."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from . import __version__
from .canvas.raster import RasterCanvas
from .errors import UsageError, at_work
from .output import Files, Output, opened
from .theme import rgb
from .writer import Frame, OutputSpec, Pixels, Sink, Writer

if TYPE_CHECKING:
    from .compose import Film
    from .options import Options
    from .registry import Registry

__all__ = ["Reel", "check_names", "check_outputs", "delays", "reel"]

_QUEUE = 4  # frames between drawing and writing: enough to ride out hiccups, little memory


def writer_of(output: Output, registry: Registry) -> Writer:
    """The writer that serves an output's suffix."""
    return cast(Writer, registry.get("writer", output.writer)())


def check_outputs(outputs: Sequence[Output], frames: int, options: Options, registry: Registry) -> None:
    """Refuse what no writer could do, before anything is simulated.

    Raises:
        UsageError: A film into a file for one picture, or transparency into a format without.
    """
    for output in outputs:
        writer, path = writer_of(output, registry), output.path
        if writer.still and frames > 1 and not output.numbered:
            numbered = path.with_name(f"{path.stem}-{{frame:04d}}{path.suffix}")
            raise UsageError(f"{path}: holds one picture, not {frames}: use 'noisereel still', or -o '{numbered}'")
        if options.transparent and not writer.alpha:
            raise UsageError(f"{path}: {path.suffix} has no transparency: use .gif or .png")


def check_names(outputs: Sequence[Output], steps: Iterable[tuple[int, float]]) -> None:
    """Refuse names that two visits would share.

    Args:
        outputs: Where to write.
        steps: The visit and time of each frame.

    Raises:
        UsageError: Two visits would be written to one file.
    """
    frames = [*enumerate(steps)]
    for output in outputs:
        taken: dict[Path, int] = {}
        for frame, (step, t) in frames if output.numbered else ():
            path = output.file(frame, step, t)
            if taken.setdefault(path, step) != step:
                raise UsageError(f"{output.path}: visits {taken[path]} and {step} would both be {path}; use {{step}}")


def delays(outputs: Sequence[Output], frames: int, fps: Fraction, registry: Registry) -> Iterator[str]:
    """A warning for each output whose format cannot play a film at this rate."""
    for output in outputs:
        if frames > 1 and not output.numbered and (said := writer_of(output, registry).delays(fps)):
            yield f"{output.path}: {said}"


class Reel:
    """A queue of frames and the thread that writes them.

    Attributes:
        takes: What its writer wants of each frame.
    """

    def __init__(
        self,
        output: Output,
        writer: Writer,
        spec: OutputSpec,
        files: Files,
        sink: Sink | None,
        advance: Callable[[int], None],
    ) -> None:
        self.takes = writer.takes
        self._output, self._writer, self._spec, self._files, self._sink = output, writer, spec, files, sink
        self._advance = advance
        self._done: dict[Path, int] = {}
        self._failed: BaseException | None = None
        self._queue: queue.Queue[tuple[Frame, Path, int] | None] = queue.Queue(_QUEUE)
        self._thread = threading.Thread(target=self._work, name=f"write {output.path.name}", daemon=True)
        self._thread.start()

    def put(self, frame: Frame, step: int, t: float) -> None:
        """Hand over the next frame; waits while the queue is full.

        Raises:
            BaseException: Whatever stopped the writing.
        """
        if self._failed is not None:
            raise self._failed
        self._queue.put((frame, self._output.file(frame.index, step, t), step))

    def finish(self) -> None:
        """Wait until everything is written.

        Raises:
            BaseException: Whatever stopped the writing.
        """
        self._queue.put(None)
        self._thread.join()
        if self._failed is not None:
            raise self._failed

    def abandon(self) -> None:
        """Stop as soon as the frame at hand is written."""
        self._failed = self._failed or InterruptedError()
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._failed is None:  # else only drain: whoever puts must never wait for a thread that has given up
                try:
                    self._write(*item)
                except BaseException as error:  # not lost: put and finish raise it
                    self._failed = error

    def _write(self, frame: Frame, path: Path, step: int) -> None:
        with at_work(f"writer {type(self._writer).__name__} (frame {frame.index})"):
            self._encode(frame, path, step)
        if frame.index:  # the first frame is counted when the file is complete
            self._advance(1)

    def _encode(self, frame: Frame, path: Path, step: int) -> None:
        if self._sink is not None:
            self._sink.write(frame)
        elif self._done.get(path) != step:  # a file a visit: frames that show it again add nothing
            with opened(self._writer, replace(self._spec, path=self._files.part(path)), path) as sink:
                sink.write(frame)
            self._done[path] = step


@contextmanager
def reel(
    output: Output,
    film: Film,
    options: Options,
    registry: Registry,
    files: Files,
    part: Path | None,
    advance: Callable[[int], None],
) -> Iterator[Reel]:
    """A reel for one output; leaving the context waits until its files are complete, or drops them after an error.

    Args:
        output: Where to write.
        film: What is written.
        options: How.
        registry: Where its writer is found.
        files: Gives numbered files their temporary names.
        part: The temporary file of an output that is one file.
        advance: Told of every frame written.
    """
    writer = writer_of(output, registry)
    spec = _spec(output, film, options)
    who = f"writer {type(writer).__name__}"
    with ExitStack() as stack:
        sink = None
        if part is not None:
            spec = replace(spec, path=part)
            with at_work(f"{who} (open)"):
                sink = stack.enter_context(opened(writer, spec, output.path))
        running = Reel(output, writer, spec, files, sink, advance)
        try:
            yield running
            running.finish()
        except BaseException:
            running.abandon()
            raise
        with at_work(f"{who} (close)"):
            stack.close()
    advance(1)


def _spec(output: Output, film: Film, options: Options) -> OutputSpec:
    settings = film.scene.film

    def sample(n: int) -> Sequence[Pixels]:
        canvas, last = RasterCanvas(film.figure), len(film.ticks) - 1
        spread = min(n - 1, last)
        return [canvas.draw(film.drawing(round(i * last / max(1, spread)))) for i in range(spread + 1)]

    return OutputSpec(
        path=output.path,
        size=settings.size,
        fps=settings.rate,
        loop=settings.loop,
        alpha=options.transparent,
        ground=rgb(film.figure.theme.color("background")),
        quality=options.quality,
        metadata=_metadata(film),
        sample=sample,
    )


def _metadata(film: Film) -> dict[str, str]:
    """Title, description, and what it takes to make the film again: scene, seeds and versions."""
    scene = film.scene
    made = {
        **scene.source.given,
        "seeds": {name: spec.seed for name, spec in scene.runs.items()},
        "versions": {"noisereel": __version__, "torch": str(torch.__version__), "numpy": np.__version__},
    }
    named = {"title": scene.title or "", "description": scene.description, "noisereel": json.dumps(made)}
    return {key: value for key, value in named.items() if value}
