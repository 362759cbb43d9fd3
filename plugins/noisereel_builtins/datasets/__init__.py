"""Built-in data sets: ``from noisereel_builtins.datasets import SwissRoll``, imported when first used."""

from .. import DATASETS
from ..by_kind import by_kind

__all__, __getattr__, __dir__ = by_kind(__name__, DATASETS)
