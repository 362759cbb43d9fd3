"""Built-in denoisers: ``from noisereel_builtins.denoisers import Empirical``, imported when first used."""

from .. import DENOISERS
from ..by_kind import by_kind

__all__, __getattr__, __dir__ = by_kind(__name__, DENOISERS)
