"""Files that appear only when they are complete, and a scratch folder that disappears at the end."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from .errors import NoisereelError, UsageError

__all__ = ["AtomicFiles", "atomic_write", "report_errors", "scratch_folder"]


class AtomicFiles:
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
        with report_errors(path):
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
            with report_errors(path):
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
def atomic_write(path: Path) -> Iterator[Path]:
    """A temporary file that becomes ``path`` when the context ends well, and is removed otherwise.

    Raises:
        NoisereelError: It cannot be written.
    """
    with AtomicFiles() as files:
        part = files.part(path)
        with report_errors(path, part):
            yield part


@contextmanager
def report_errors(path: Path, part: Path | None = None) -> Iterator[None]:
    """Errors of the operating system become one line about ``path``, unless they are about yet another file."""
    try:
        yield
    except OSError as error:
        if part is not None and error.filename is not None and str(error.filename) != str(part):
            raise
        raise NoisereelError(f"cannot write {path}: {error.strerror or error}") from error


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a folder for this program alone: whoever needs it creates it, and it is removed at the end.

    Raises:
        NoisereelError: There is no folder for temporary files.
    """
    try:
        folder = Path(tempfile.gettempdir()) / f"noisereel-{secrets.token_hex(8)}"
    except FileNotFoundError as error:
        raise NoisereelError("no folder for temporary files can be written to; name one in TMPDIR") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
