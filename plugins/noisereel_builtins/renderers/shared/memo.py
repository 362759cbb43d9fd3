"""Memoisation: values that hold for a whole run are computed once, not for every frame."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar
from weakref import WeakKeyDictionary

from noisereel.contracts.renderer import RunView

__all__ = ["once"]

T = TypeVar("T")

_results: WeakKeyDictionary[RunView, dict[Hashable, object]] = WeakKeyDictionary()


def once(run: RunView, key: Hashable, make: Callable[[], T]) -> T:
    """Return ``make()``, called only the first time for this run and key, and forgotten with the run.

    Args:
        run: The run that the value belongs to.
        key: Everything else that the value depends on, such as the renderer and its view.
        make: A pure function of both.
    """
    values = _results.setdefault(run, {})
    if key not in values:
        values[key] = make()
    return values[key]  # type: ignore[return-value]  # a key always holds the result of its own ``make``
