"""Built-in noise schedules: ``from noisereel_builtins.schedules import Cosine``, imported when first used."""

from .. import SCHEDULES
from ..by_kind import by_kind

__all__, __getattr__, __dir__ = by_kind(__name__, SCHEDULES)
