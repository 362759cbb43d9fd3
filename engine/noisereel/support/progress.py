"""Progress bars and warnings on the terminal."""

from __future__ import annotations

import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from tqdm import tqdm

from .printable import printable

__all__ = ["NoisereelWarning", "Progress", "PythonWarnings"]


class Progress:
    """Progress bars, shown only in terminals, and messages that do not disturb them.

    Attributes:
        quiet: Whether to show nothing.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self._printed: set[str] = set()

    def warn(self, message: str) -> None:
        """Print a warning to stderr; the same message is printed once."""
        if not self.quiet and message not in self._printed:
            self._printed.add(message)
            line = f"warning: {printable(message)}"
            tqdm.write(f"\033[33m{line}\033[0m" if sys.stderr.isatty() else line, file=sys.stderr)

    def say(self, message: str) -> None:
        """Print a line to stdout."""
        if not self.quiet:
            tqdm.write(printable(message), file=sys.stdout)

    @contextmanager
    def bar(self, label: str, total: int) -> Iterator[Callable[..., None]]:
        """Show a bar until the context ends; yields ``advance(n, note="")``, which moves it by n.

        It appears when it first moves, so that nested work is shown above it.
        """
        if self.quiet:
            yield lambda n, note="": None
            return
        began = time.time()
        lock = threading.Lock()  # each output advances the bar from a thread of its own
        bars: list[tqdm[NoReturn]] = []

        def advance(n: int, note: str = "") -> None:
            with lock:
                if not bars:
                    bars.append(self._open_bar(label, total, began))
                if note:
                    bars[0].set_postfix_str(note, refresh=False)
                bars[0].update(n)

        try:
            yield advance
        finally:
            for bar in bars:
                bar.close()

    def _open_bar(self, label: str, total: int, began: float) -> tqdm[NoReturn]:
        # disable=None hides the bar if stderr is not a terminal: logs and pipes stay clean.
        bar = tqdm(
            total=total,
            desc=f"{label:>10}",
            unit="",
            disable=None,
            mininterval=0.05,
            dynamic_ncols=True,
            bar_format="{desc} {percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt}  {elapsed} < {remaining}{postfix}",
        )
        bar.start_t = began
        return bar


class NoisereelWarning(UserWarning):
    """A setting that is probably a mistake, or a result that is probably not what was wanted."""


class PythonWarnings(Progress):
    """No bars and no messages, and warnings as Python's: the default in Python, where nothing is printed."""

    def __init__(self) -> None:
        super().__init__(quiet=True)

    def warn(self, message: str) -> None:
        """Issue a `NoisereelWarning`."""
        warnings.warn(message, NoisereelWarning, stacklevel=_level_of_caller())


def _level_of_caller() -> int:
    """Return the stack level, seen from `PythonWarnings.warn`, of the code that called noisereel."""
    package, level = __name__.partition(".")[0], 1
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in (package, "contextlib"):
        frame, level = frame.f_back, level + 1
    return level
