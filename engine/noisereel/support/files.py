"""Files that appear only when they are complete, a scratch folder that is removed at the end, and careful reading."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

from .errors import NoisereelError, UsageError
from .memory import format_bytes

__all__ = [
    "AtomicFiles",
    "Scratch",
    "atomic_write",
    "is_file",
    "is_folder",
    "part_name",
    "read_bytes",
    "regular_file",
    "remove_stale_parts",
    "report_errors",
    "scratch_folder",
    "spare_folder",
]


_PART = re.compile(r"\..*\.(\d{1,9})(?:-\w+)?\.part(?:\.[^.]+)?", re.DOTALL)
"""Names of temporary files, with the process that writes them."""

_STALE = 3600.0  # seconds; the process may run on another host that shares the folder


class AtomicFiles:
    """Files that appear together when all of them are complete, or not at all.

    They are written under temporary names next to their targets, and renamed if the context ends without an exception;
    existing files are untouched until then. After any exception, Ctrl-C included, the temporary files and the folders
    created for them are removed.
    """

    def __init__(self) -> None:
        self._parts: dict[Path, tuple[Path, Path]] = {}
        self._folders: list[Path] = []
        self._swept: set[Path] = set()

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files requested so far, in order."""
        return tuple(path for path, _ in self._parts.values())

    def part(self, path: Path) -> Path:
        """Create the temporary file that will become ``path``: empty, hidden, next to it, with its suffix.

        Raises:
            UsageError: The same file was requested before.
            NoisereelError: The file cannot be written.
        """
        target = path.resolve()  # through links, so that a link stays one
        if target in self._parts:
            raise UsageError(f"{path}: would be written more than once")
        part = target.with_name("." + part_name(target))
        with report_errors(path):
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            self._make_folder(target.parent)
            self._parts[target] = path, part
            part.write_bytes(b"")
        return part

    def _make_folder(self, folder: Path) -> None:
        if folder.exists() and not folder.is_dir():  # mkdir would report that it exists
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if folder not in self._swept:
            self._swept.add(folder)
            remove_stale_parts(folder)
        self._folders += [parent for parent in (folder, *folder.parents) if not parent.exists()]
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._publish()
        finally:
            self._clean()

    def _publish(self) -> None:
        for target, (path, part) in self._parts.items():
            with report_errors(path):
                part.replace(target)

    def _clean(self) -> None:
        """Remove temporary files and new folders; after success there are no such files, and folders in use stay."""
        for _, part in self._parts.values():
            with suppress(OSError):
                part.unlink()
        for folder in sorted(self._folders, key=lambda path: len(path.parts), reverse=True):
            with suppress(OSError):
                folder.rmdir()


def part_name(target: Path) -> str:
    """Return a name for a temporary file, such as ``film.1234-ab12cd34.part.gif`` with the number of this process.

    Of long stems it has only the start, as names have at most 255 bytes.
    Threads of one process may write the same file at the same time, so each call gives another name.
    """
    ending = f".{os.getpid()}-{secrets.token_hex(4)}.part{target.suffix}"
    stem = os.fsencode(target.stem)[: max(0, 254 - len(os.fsencode(ending)))]
    return f"{stem.decode('utf-8', 'ignore')}{ending}"


def remove_stale_parts(folder: Path) -> None:
    """Remove temporary files that programs left when they were killed: their process is gone, and they are old."""
    with suppress(OSError):
        for name in os.listdir(folder):  # noqa: PTH208 - much faster where there are many files
            match = _PART.fullmatch(name)
            if match is not None and not _is_running(int(match[1])):
                _remove_if_old(folder / name)


def _remove_if_old(file: Path) -> None:
    with suppress(OSError):  # another program removes the same, or may not be ours
        status = file.lstat()
        if stat.S_ISREG(status.st_mode) and time.time() - status.st_mtime > _STALE:
            file.unlink()


def _is_running(process: int) -> bool:
    """Return whether a process of this host is running; True if that cannot be known."""
    if os.name == "nt" or process == 0:  # Windows would end the process
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it belongs to somebody else
        return True
    return True


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary file that becomes ``path`` if the context ends without an exception, and is removed otherwise.

    Raises:
        NoisereelError: The file cannot be written.
    """
    with AtomicFiles() as files:
        part = files.part(path)
        with report_errors(path, part):
            yield part


@contextmanager
def report_errors(path: Path, part: Path | None = None) -> Iterator[None]:
    """Convert errors of the operating system to one line about ``path``; those about files other than ``part`` pass."""
    try:
        yield
    except OSError as error:
        if part is not None and error.filename is not None and str(error.filename) != str(part):
            raise
        raise NoisereelError(f"cannot write {path}: {error.strerror or error}") from error


class Scratch:
    """A folder for temporary files, to be created when first needed; removed when nothing refers to this object.

    Attributes:
        folder: Its path.

    Raises:
        NoisereelError: There is no writable folder for temporary files.
    """

    def __init__(self) -> None:
        try:
            self.folder = Path(tempfile.gettempdir()) / f"noisereel-{secrets.token_hex(8)}"
        except FileNotFoundError as error:
            raise NoisereelError("there is no writable folder for temporary files; set TMPDIR to one") from error
        self.remove = weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield the path of a folder for this program alone, to be created when first needed; it is removed at the end.

    Raises:
        NoisereelError: There is no writable folder for temporary files.
    """
    scratch = Scratch()
    try:
        yield scratch.folder
    finally:
        scratch.remove()


def is_file(path: Path) -> bool:
    """Return whether a path leads to a regular file; False for names that no file can have."""
    with suppress(OSError, ValueError):
        return path.is_file()
    return False


def is_folder(path: Path) -> bool:
    """Return whether a path leads to a folder; False for names that no folder can have."""
    with suppress(OSError, ValueError):
        return path.is_dir()
    return False


def regular_file(path: Path, limit: int | None = None) -> Path:
    """Return a path after checking that it leads to a regular file: pipes and devices can block or never end.

    Args:
        path: The file.
        limit: Most bytes that it may have.

    Raises:
        OSError: There is no such file.
        ValueError: It is a folder, a pipe or a device, or too large.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        kind = "folder" if stat.S_ISDIR(status.st_mode) else "pipe or device"
        raise ValueError(f"{path}: must be a file, not a {kind}")
    if limit is not None and status.st_size > limit:
        raise ValueError(f"{path}: has {format_bytes(status.st_size)}; at most {format_bytes(limit)} can be read")
    return path


def read_bytes(path: Path, limit: int) -> bytes:
    """Return the content of a regular file.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is a folder, a pipe or a device, or has more bytes than the limit.
    """
    with regular_file(path, limit).open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:  # files of the system, such as those in /proc, have a size of 0
        raise ValueError(f"{path}: at most {format_bytes(limit)} can be read")
    return content


def spare_folder() -> Path:
    """Return the path of a folder for what has no place elsewhere; it is removed when the program ends.

    Raises:
        NoisereelError: There is no writable folder for temporary files.
    """
    return _spare().folder


@cache
def _spare() -> Scratch:
    return Scratch()
