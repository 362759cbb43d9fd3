"""Built-in spacings: ``from noisereel_builtins.spacings import Karras``, imported when first used."""

from .. import SPACINGS
from ..by_kind import by_kind

__all__, __getattr__, __dir__ = by_kind(__name__, SPACINGS)
