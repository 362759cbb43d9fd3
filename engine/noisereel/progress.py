"""Progress bars on the terminal; silent where nobody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

__all__ = ["Progress"]


class Progress:
    """Makes progress bars.

    Attributes:
        quiet: Show none.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet

    @contextmanager
    def bar(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        """A bar that ends where the work ends; gives the function that moves it on by so many steps."""
        # disable=None hides the bar when stderr is no terminal: logs and pipes stay clean.
        with tqdm(
            total=total,
            desc=f"{label:>10}",
            unit="",
            disable=True if self.quiet else None,
            mininterval=0.05,
            dynamic_ncols=True,
            bar_format="{desc} {percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt}  {elapsed} < {remaining}",
        ) as shown:

            def advance(n: int) -> None:
                shown.update(n)

            yield advance
