"""Locks on folders: a program that uses a folder keeps others from clearing it, until it lets go or ends."""

from __future__ import annotations

import os
import shutil
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where files in use cannot be removed anyway
    fcntl = None  # type: ignore[assignment]

__all__ = ["FolderLock", "discard", "locked", "remove_unused"]


class FolderLock:
    """A lock on a folder that many programs may hold; `remove_unused` leaves the folder alone meanwhile.

    It belongs to the folder itself, whatever its name, and ends with `release`, this object or the program. It is only
    advice: a folder that is removed all the same, or whose file system knows no locks, must not be a fault.

    Attributes:
        release: Ends the lock.

    Raises:
        OSError: The folder is not there, or is being removed.
    """

    def __init__(self, folder: Path) -> None:
        self.release: Callable[[], object] = lambda: None
        if fcntl is None:
            return
        opened = os.open(folder, os.O_RDONLY)
        self.release = weakref.finalize(self, os.close, opened)
        try:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise
        except OSError:  # a file system without locks
            pass


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder, as far as that is possible."""
    lock = None
    with suppress(OSError):
        lock = FolderLock(folder)
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def remove_unused(folder: Path) -> bool:
    """Remove a folder or file unless a program holds a lock on it; returns whether it is gone.

    Raises:
        OSError: It cannot be removed.
    """
    opened = _locked(folder)
    if opened is None:
        return False
    try:
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
        else:
            folder.unlink(missing_ok=True)
    except FileNotFoundError:  # another program removes the same
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        if opened >= 0:
            os.close(opened)
    return True


def _locked(folder: Path) -> int | None:
    """Return the descriptor of a folder, locked; −1 if it cannot be locked, None if a program holds a lock on it."""
    if fcntl is None or folder.is_symlink() or not folder.is_dir():
        return -1
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError:
        return -1
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(opened)
        return None
    except OSError:  # a file system without locks
        pass
    return opened


def discard(path: Path) -> None:
    """Remove a folder or file, in use or not, as far as that is possible."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
