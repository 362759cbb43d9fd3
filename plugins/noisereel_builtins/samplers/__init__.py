"""Built-in samplers: ``from noisereel_builtins.samplers import DDIM``, imported when first used."""

from .. import SAMPLERS
from ..by_kind import by_kind

__all__, __getattr__, __dir__ = by_kind(__name__, SAMPLERS)
