"""Progress bars and warnings on the terminal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

__all__ = ["Progress"]


class Progress:
    """Makes progress bars, which show only where somebody watches, and says what is worth a warning.

    Attributes:
        quiet: Show and say nothing.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self._said: set[str] = set()

    def warn(self, message: str) -> None:
        """One line that does not disturb the bars; the same is said once."""
        if not self.quiet and message not in self._said:
            self._said.add(message)
            line = f"warning: {message}"
            tqdm.write(f"\033[33m{line}\033[0m" if sys.stderr.isatty() else line, file=sys.stderr)

    @contextmanager
    def bar(self, label: str, total: int) -> Iterator[Callable[..., None]]:
        """A bar that ends where the work ends; gives ``advance(n, note="")``, which moves it on by so many steps."""
        # disable=None hides the bar when stderr is no terminal: logs and pipes stay clean.
        with tqdm(
            total=total,
            desc=f"{label:>10}",
            unit="",
            disable=True if self.quiet else None,
            mininterval=0.05,
            dynamic_ncols=True,
            bar_format="{desc} {percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt}  {elapsed} < {remaining}{postfix}",
        ) as shown:
            lock = threading.Lock()  # every output counts in a thread of its own

            def advance(n: int, note: str = "") -> None:
                with lock:
                    if note:
                        shown.set_postfix_str(note, refresh=False)
                    shown.update(n)

            yield advance
