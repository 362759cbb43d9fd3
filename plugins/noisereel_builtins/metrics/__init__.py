"""Built-in metrics: ``from noisereel_builtins.metrics import Entropy``, imported when first used."""

from .. import METRICS
from ..by_kind import by_kind

__all__, __getattr__, __dir__ = by_kind(__name__, METRICS)
