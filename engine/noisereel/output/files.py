"""Output paths: their placeholders and writers, and writing to temporary files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..support.errors import UsageError
from ..support.files import is_folder, report_errors
from ..support.template import Template

if TYPE_CHECKING:
    from ..contracts.writer import Frame, Sink, Writer, WriterContext
    from ..registry import Registry

__all__ = ["OutputPath", "opened"]

_NAMES = ("frame", "step", "t")


@dataclass(frozen=True, slots=True)
class OutputPath:
    """A path to write to, or a pattern for several files.

    Attributes:
        path: The path as given, with its placeholders.
        writer: Name of the writer for its suffix.
        names: Its placeholders, a subset of {"frame", "step", "t"}.
    """

    path: Path
    writer: str
    names: frozenset[str]

    @classmethod
    def parse(cls, text: str, registry: Registry) -> OutputPath:
        """Parse a path such as ``film.gif``, ``frames/{frame:04d}.png`` or ``at-{t}.svg``.

        Raises:
            UsageError: The suffix, a placeholder or its format is unknown, or the path is a folder.
        """
        names = frozenset(_placeholders(text))
        path = Path(text)
        if text.endswith(("/", os.sep)) or is_folder(path):
            raise UsageError(f"{text}: is a folder; name a file in it, such as {path / 'film.gif'}")
        return cls(path, _writer(path, registry), names)

    @property
    def numbered(self) -> bool:
        """Whether it is a pattern for several files."""
        return bool(self.names)

    @property
    def each_frame(self) -> bool:
        """Whether every frame has its own file, rather than every visited state that is shown."""
        return "frame" in self.names

    def file(self, frame: int, step: int, t: float) -> Path:
        """Return the path with its placeholders filled in.

        Args:
            frame: Position in the film.
            step: Position in the run.
            t: The run's time there.
        """
        return Path(Template(str(self.path), markup=False).format({"frame": frame, "step": step, "t": t}))


def _writer(path: Path, registry: Registry) -> str:
    known = sorted(registry.names("writer"))
    suffix = path.suffix[1:].lower()
    if suffix in known:
        return suffix
    problem = f"unknown suffix '{path.suffix}'" if suffix else "needs a suffix that names the format"
    raise UsageError(f"{path}: {problem}; known: {', '.join('.' + name for name in known)}")


def _placeholders(text: str) -> tuple[str, ...]:
    if "\0" in text:
        raise UsageError(f"{text}: a file name cannot hold NUL")
    try:
        template = Template(text, markup=False)
        for name in template.names:
            if name not in _NAMES:
                raise ValueError(f"unknown name '{{{name}}}'; known: " + ", ".join(f"{{{n}}}" for n in _NAMES))
        template.format({"frame": 0, "step": 0, "t": 0.5})
    except ValueError as error:
        raise UsageError(f"{text}: {error}") from error
    for field in re.findall(r"\{[^{}]*\}", text.replace("{{", "").replace("}}", "")):
        if not {"/", "\\", os.sep}.isdisjoint(field):  # as a fill character it would lead into other folders
            raise UsageError(f"{text}: '{field}' must not contain '/' or '\\'")
    return template.names


@contextmanager
def opened(writer: Writer, ctx: WriterContext, path: Path) -> Iterator[Sink]:
    """Open a writer on a temporary file, ``ctx.path``; errors name ``path`` instead.

    Raises:
        NoisereelError: The file cannot be written, or the writer does not support the settings.
    """
    with report_errors(path, ctx.path):
        encoding = writer.open(ctx)
        sink = encoding.__enter__()
    try:
        yield _NamedSink(sink, path, ctx.path)
    except BaseException as error:
        with suppress(Exception):  # closing on a full disk fails again; report the first error
            encoding.__exit__(type(error), error, error.__traceback__)
        raise
    with report_errors(path, ctx.path):
        encoding.__exit__(None, None, None)


@dataclass(frozen=True, slots=True)
class _NamedSink:
    """A sink whose errors name the output file instead of the temporary one."""

    sink: Sink
    path: Path
    part: Path

    def write(self, frame: Frame) -> None:
        with report_errors(self.path, self.part):
            self.sink.write(frame)
