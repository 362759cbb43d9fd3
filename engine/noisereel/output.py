"""Outputs: what ``-o`` asks for, and files that appear only when they are complete."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .errors import NoisereelError, UsageError
from .template import Template

if TYPE_CHECKING:
    from .registry import Registry
    from .writer import Frame, OutputSpec, Sink, Writer

__all__ = ["Files", "Output", "atomic", "opened"]

_NAMES = ("frame", "step", "t")


@dataclass(frozen=True, slots=True)
class Output:
    """Where to write and in what format.

    Attributes:
        path: As it was asked for, with placeholders if there are any.
        writer: Name of the writer that serves its suffix.
        names: The placeholders: of {"frame", "step", "t"}.
    """

    path: Path
    writer: str
    names: frozenset[str]

    @classmethod
    def parse(cls, text: str, registry: Registry) -> Output:
        """Understand a path such as ``film.gif``, ``frames/{frame:04d}.png`` or ``at-{t}.svg``.

        Raises:
            UsageError: The suffix, a placeholder or its format is unknown, or the path is a folder.
        """
        path = Path(text)
        if text.endswith(os.sep) or path.is_dir():
            raise UsageError(f"{text}: is a folder; name a file in it, such as {path / 'film.gif'}")
        return cls(path, _writer(path, registry), frozenset(_placeholders(text)))

    @property
    def numbered(self) -> bool:
        """Whether it stands for several files."""
        return bool(self.names)

    @property
    def each_frame(self) -> bool:
        """Whether every frame has a file of its own, rather than every visited state that is shown."""
        return "frame" in self.names

    def file(self, frame: int, step: int, t: float) -> Path:
        """The path with its placeholders filled in.

        Args:
            frame: Position in the film.
            step: Position in the run.
            t: The run's time there.
        """
        return Path(Template(str(self.path)).format({"frame": frame, "step": step, "t": t}))


def _writer(path: Path, registry: Registry) -> str:
    known = sorted(registry.names("writer"))
    suffix = path.suffix[1:].lower()
    if suffix in known:
        return suffix
    what = f"unknown suffix '{path.suffix}'" if suffix else "needs a suffix that names the format"
    raise UsageError(f"{path}: {what}; known: {', '.join('.' + name for name in known)}")


def _placeholders(text: str) -> tuple[str, ...]:
    try:
        template = Template(text)
        for name in template.names:
            if name not in _NAMES:
                raise ValueError(f"unknown name '{{{name}}}'; known: " + ", ".join(f"{{{n}}}" for n in _NAMES))
        template.format({"frame": 0, "step": 0, "t": 0.5})
    except ValueError as error:
        raise UsageError(f"{text}: {error}") from error
    return template.names


class Files:
    """Files that appear together when all of them are complete, or not at all.

    Until the context ends well, everything lies under temporary names beside the files that it will become, and what
    was there before is untouched. After any exception, Ctrl-C included, the temporary files and the folders made for
    them are gone.
    """

    def __init__(self) -> None:
        self._parts: dict[Path, tuple[Path, Path]] = {}
        self._folders: list[Path] = []

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files asked for so far, in order."""
        return tuple(path for path, _ in self._parts.values())

    def part(self, path: Path) -> Path:
        """The temporary file that will become ``path``: beside it, hidden, with its suffix; empty at first.

        Raises:
            UsageError: The same file was asked for before.
            NoisereelError: It cannot be written there.
        """
        target = path.resolve()  # through links, so that a link stays one
        if target in self._parts:
            raise UsageError(f"{path}: would be written more than once")
        part = target.with_name(f".{target.stem}.{os.getpid()}.part{target.suffix}")
        with _reported(path):
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            self._make(target.parent)
            self._parts[target] = path, part
            part.write_bytes(b"")
        return part

    def _make(self, folder: Path) -> None:
        if folder.exists() and not folder.is_dir():  # mkdir would say that it exists
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        self._folders += [each for each in (folder, *folder.parents) if not each.exists()]
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._appear()
        finally:
            self._clean()

    def _appear(self) -> None:
        for target, (path, part) in self._parts.items():
            with _reported(path):
                part.replace(target)

    def _clean(self) -> None:
        """Remove whatever did not become a file; after success there is nothing, and folders in use stay."""
        for _, part in self._parts.values():
            with suppress(OSError):
                part.unlink()
        for folder in sorted(self._folders, key=lambda each: len(each.parts), reverse=True):
            with suppress(OSError):
                folder.rmdir()


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary file that becomes ``path`` when the context ends well, and is removed otherwise.

    Raises:
        NoisereelError: It cannot be written.
    """
    with Files() as files:
        part = files.part(path)
        with _reported(path, part):
            yield part


@contextmanager
def opened(writer: Writer, spec: OutputSpec, path: Path) -> Iterator[Sink]:
    """A writer at work on a temporary file, ``spec.path``; what goes wrong is said of ``path``.

    Raises:
        NoisereelError: The file cannot be written, or the writer cannot do what the spec asks for.
    """
    with _reported(path, spec.path):
        at_work = writer.open(spec)
        sink = at_work.__enter__()
    try:
        yield _Guarded(sink, path, spec.path)
    except BaseException as error:
        with suppress(OSError):  # a full disk is still full at the end; what went wrong first is told
            at_work.__exit__(type(error), error, error.__traceback__)
        raise
    with _reported(path, spec.path):
        at_work.__exit__(None, None, None)


@dataclass(frozen=True, slots=True)
class _Guarded:
    """A sink whose errors name the file that the user asked for."""

    sink: Sink
    path: Path
    part: Path

    def write(self, frame: Frame) -> None:
        with _reported(self.path, self.part):
            self.sink.write(frame)


@contextmanager
def _reported(path: Path, part: Path | None = None) -> Iterator[None]:
    """Errors of the operating system become one line about ``path``, unless they are about yet another file."""
    try:
        yield
    except OSError as error:
        if part is not None and error.filename is not None and str(error.filename) != str(part):
            raise
        raise NoisereelError(f"cannot write {path}: {error.strerror or error}") from error
