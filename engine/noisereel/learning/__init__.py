"""Denoisers that learn: `Learned` is their base class; `training.py` holds the loop over optimiser steps."""

from .learned import Learned
from .training import Recipe, Training, TrainingState

__all__ = ["Learned", "Recipe", "Training", "TrainingState"]
