"""Built-in writers: ``from noisereel_builtins.writers import Gif``, imported when first used."""

from .. import WRITERS
from ..by_kind import by_kind

__all__, __getattr__, __dir__ = by_kind(__name__, WRITERS)
