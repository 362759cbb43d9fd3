"""Streams: standard output and error that may be closed, full, or in an encoding with few characters."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

__all__ = ["Output", "standard_streams"]


class Output(io.RawIOBase):
    """A stream that does not raise if it cannot be written, so that the work goes on, but keeps the first error.

    Attributes:
        error: The first error; None if everything was written.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        if self.error is None:
            try:
                self._stream.write(data)
                self._stream.flush()
            except OSError as error:
                self.error = error
                with suppress(OSError):  # what its buffer holds would fail again when Python exits
                    os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
        return len(data)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return int(self._stream.fileno())

    def isatty(self) -> bool:
        return bool(self._stream.isatty())


@contextmanager
def standard_streams() -> Iterator[Output | None]:
    """Make stdout and stderr safe to write to; yields what stdout writes to, None if it is not a file.

    Streams that are closed are opened: otherwise the next file, such as a film, would be the standard stream of
    libraries and subprocesses. Characters that an encoding lacks are shown as "?".
    """
    _open_closed()
    before = sys.stdout, sys.stderr
    outputs = []
    for name, stream in zip(("stdout", "stderr"), before, strict=True):
        if isinstance(stream, io.TextIOWrapper):
            stream.flush()
            outputs.append((name, Output(stream.buffer)))
            setattr(sys, name, _text(outputs[-1][1], stream.encoding))
    try:
        yield dict(outputs).get("stdout")
    finally:
        sys.stdout, sys.stderr = before


def _open_closed() -> None:
    for number, flags in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):  # writing to a closed stdout is an error
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, flags), True)  # takes the lowest free number
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)


def _text(output: Output, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BufferedWriter(output), encoding, "replace", line_buffering=True, write_through=True)
