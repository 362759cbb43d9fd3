"""What holds for a whole run is worked out once, not for every frame."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar
from weakref import WeakKeyDictionary

from noisereel.contracts.renderer import RunView

__all__ = ["once"]

T = TypeVar("T")

_known: WeakKeyDictionary[RunView, dict[Hashable, object]] = WeakKeyDictionary()


def once(run: RunView, key: Hashable, make: Callable[[], T]) -> T:
    """What ``make`` gives, made only the first time for this record and key; forgotten with the record.

    Args:
        run: The run that it is about.
        key: Everything else that the answer depends on, such as the renderer and its view.
        make: A pure function of both.
    """
    values = _known.setdefault(run, {})
    if key not in values:
        values[key] = make()
    return values[key]  # type: ignore[return-value]  # a key always holds what its own ``make`` gave
