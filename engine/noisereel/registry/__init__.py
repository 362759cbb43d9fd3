"""The registry: names of plugins to their classes, imported only when used."""

from .hookspecs import hookimpl
from .registry import KINDS, Registry, load_registry

__all__ = ["KINDS", "Registry", "hookimpl", "load_registry"]
