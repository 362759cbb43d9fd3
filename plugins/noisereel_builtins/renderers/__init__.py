"""Built-in renderers: ``from noisereel_builtins.renderers import Points``, imported when first used."""

from .. import RENDERERS
from ..by_kind import by_kind

__all__, __getattr__, __dir__ = by_kind(__name__, RENDERERS)
