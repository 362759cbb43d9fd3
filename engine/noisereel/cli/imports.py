"""Imports without garbage collection: they create many objects, which are never freed."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["importing"]


@contextmanager
def importing() -> Iterator[None]:
    """Disable the garbage collector during imports, then freeze what they created."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
