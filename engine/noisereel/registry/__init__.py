"""The registry: plugin classes by name, imported only when used."""

from .hookspecs import hookimpl
from .registry import KINDS, Registry, load_registry

__all__ = ["KINDS", "Registry", "hookimpl", "load_registry"]
